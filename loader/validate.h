/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of validation share. Every check is made over sorted arrays, so that a document of
 * hundreds of thousands of rules is judged as it is read, in a fraction of a second.
 */
#ifndef SLUICE_LOADER_VALIDATE_H
#define SLUICE_LOADER_VALIDATE_H

#include <errno.h>

#include "loader/schema.h"

/* The names of a list, sorted; index: where in the list. */
struct name_entry {
	const char *name;
	size_t index;
};

struct name_table {
	struct name_entry *entries;
	size_t count;
};

struct validation {
	const struct sluice_config *config;
	struct schema_at *at;
	struct sluice_error *error;
	struct name_table vnets;
	struct name_table route_tables;
	struct name_table tags;
	struct name_table asgs;
	struct name_table acls;
	struct name_table nsgs;
	struct name_table ports;
	struct name_table remotes;
	struct name_table *subnets; /* by vnet */
};

/* Fails with a sentence about a value of the thing at place; key NULL: about the thing itself. */
#define refuse(validation, thing, key_text, index_in_list, ...)                             \
	(*(validation)->at = (struct schema_at){ (thing)->place, key_text, index_in_list }, \
	 sluice_error_set((validation)->error, -EINVAL, __VA_ARGS__))

/* Sorts a list's names; -EINVAL when one is there twice. owner: "" or "vnet \"blue\": ". */
int names_collect(struct validation *validation, const struct schema_child *child,
		  const void *parent, const char *owner, struct name_table *table);
void names_free(struct name_table *table);
/* Its index in the list, or -1. */
long names_find(const struct name_table *table, const char *name);
/* "; did you mean \"web\"?" into text (128 bytes), or "": of what was taken out just now there is
 * no other name. */
const char *names_suggest(const struct validation *validation, const struct name_table *table,
			  const char *name, char *text);
/* What is said of something that is named and not there. */
const char *names_missing(const struct validation *validation);

int validate_vnets(struct validation *validation);
int validate_ports(struct validation *validation);
int validate_tags(struct validation *validation);
int validate_rules(struct validation *validation);
int validate_remotes(struct validation *validation);
/* The prefix of a list that holds an address, or NULL. */
const struct sluice_prefix *prefix_that_has(const struct sluice_prefix *prefixes, size_t count,
					    const struct ip_address *address);
/* Why no guest can have an address of a subnet's prefix, or NULL. */
const char *why_unusable(const struct sluice_prefix *prefix, const struct ip_address *address);
int validate_steers(struct validation *validation);
int validate_nat(struct validation *validation);
/* After validate_ports(). */
int validate_routes(struct validation *validation);
/* What a steer rule of a vnet matches. */
int validate_match(struct validation *validation, const char *vnet,
		   const struct sluice_rule *match);

#endif
