/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of rules for proving and measuring classifiers, and headers to ask about.
 *
 * A set is drawn from a seed: the same kind, family, size and seed give the same rules. Kinds acl,
 * fw and ipc have statistics like those of filter sets of routers and firewalls (how long prefixes
 * are and in which pairs, how they nest and cluster, how often each comes again, what ports and
 * protocols stand beside them); the others are made against classifiers.
 *
 * Addresses are drawn as places, numbers of 32 bits. An IPv4 address is its place; for IPv6 a
 * place's bits are spread over all 128, so that a set has one structure in both families.
 */
#ifndef SLUICE_TESTS_RULE_SET_H
#define SLUICE_TESTS_RULE_SET_H

#include <stdio.h>

#include "loader/ranges.h"
#include "tests/harness/random.h"
#include "tests/harness/reference_policy.h"

/* X(identifier, name, most rules that make sense, what it is) */
#define RULE_SET_KINDS(X)                                                                   \
	X(ACL, "acl", 0, "a router's list of hosts and services")                           \
	X(FW, "fw", 0, "a firewall's rules: one side is nearly everything")                 \
	X(IPC, "ipc", 0, "between networks, both ways")                                     \
	X(TUPLES, "tuples", 0, "every pair of prefix lengths with every port mask")         \
	X(NESTED_SOURCE, "nested-source", 0, "ranges of sources, each inside the next")     \
	X(NESTED_DESTINATION, "nested-destination", 0, "the same of destinations")          \
	X(NESTED_PORTS, "nested-ports", 0, "the same of both ports")                        \
	X(NESTED_ALL, "nested-all", 0, "boxes, each inside the next in every field")        \
	X(STRIPES_2, "stripes-2", 0, "half name a source only, half a destination only")    \
	X(STRIPES_3, "stripes-3", 0, "the same with destination ports")                     \
	X(STRIPES_4, "stripes-4", 0, "the same with both ports")                            \
	X(BOXES, "boxes", 0, "large random ranges in all fields")                           \
	X(COVERED, "covered", 0, "all overlap, and for many headers only the last matches") \
	X(ONE_TAG, "one-tag", 3997, "every rule names the same tag of 4,000 prefixes")      \
	X(MANY_TAGS, "many-tags", 3997, "tags of 4,000 prefixes, one on each side")         \
	X(LONG_LISTS, "long-lists", 3997, "long lists of their own on both sides")          \
	X(PORT_LISTS, "port-lists", 3997, "lists of port ranges on both sides")             \
	X(ICMP, "icmp", 65536, "rules that differ in ICMP type and code only")

enum rule_set_kind {
#define RULE_SET_KIND(identifier, name, most, what) RULES_##identifier,
	RULE_SET_KINDS(RULE_SET_KIND)
#undef RULE_SET_KIND
	RULE_SET_KIND_COUNT
};

/* Kinds before this one are like what people write. */
#define RULES_FIRST_HOSTILE RULES_TUPLES

extern const char *const rule_set_names[RULE_SET_KIND_COUNT];
/* RULE_SET_KIND_COUNT when there is none of that name. */
enum rule_set_kind rule_set_kind_named(const char *name);
/* How many of `count` rules a set of the kind will have. */
size_t rule_set_size(enum rule_set_kind kind, size_t count);
/* How many rules of a hostile kind to lay, so many that their verdicts are held to the limit of
 * bench/classify.c. */
size_t rule_set_laid_size(enum rule_set_kind kind);

#define RULE_LISTS_MAX 64

struct rule_set_memory;

struct rule_set {
	enum rule_set_kind kind;
	bool ipv6;
	uint64_t seed;
	struct classifier_rule *rule; /* first match first; ids are 1, 2, 3... */
	size_t count;
	/* Lists that several rules share: tags in a document. */
	const struct address_range *list[RULE_LISTS_MAX];
	size_t list_length[RULE_LISTS_MAX];
	size_t list_count;
	struct rule_set_memory *memory;
};

/* Draws a set; one that there is no memory for ends the program. */
void rule_set_draw(struct rule_set *set, enum rule_set_kind kind, bool ipv6, size_t count,
		   uint64_t seed);
void rule_set_free(struct rule_set *set);

/* --- headers --- */

/* Points in the boxes of random rules, at their edges and just past them; one in ten anywhere. Every
 * second one is from the last tenth of the rules: what comes late is what costs. */
void rule_set_headers(const struct rule_set *set, struct random *random,
		      struct reference_tuple *headers, size_t count);
/* The same with bursts, as in a trace: few headers make up most of it. */
void rule_set_trace(const struct rule_set *set, struct random *random,
		    struct reference_tuple *headers, size_t count);

/* --- first match, said plainly --- */

bool rule_set_rule_matches(const struct classifier_rule *rule, const struct reference_tuple *tuple);
/* match[i]: index of the first rule that matches headers[i], or set->count. */
void rule_set_match(const struct rule_set *set, const struct reference_tuple *headers, size_t count,
		    size_t *match);

/* --- as text --- */

enum rule_set_form {
	RULE_SET_AS_ACL, /* of the whole switch, named "set" */
	RULE_SET_AS_NSG, /* named "set", priorities from 100 on, and of the subnet; at most 3,997 */
};

/* A document with one vnet, one port p1 (device p1) and the rules, r1, r2, ..., for inbound. */
void rule_set_write(const struct rule_set *set, enum rule_set_form form, FILE *stream);
/* Its rules alone, as they stand in a list of the document, indented by four. */
void rule_set_write_rules(const struct rule_set *set, enum rule_set_form form,
			  const char *direction, FILE *stream);
/* The same, read: its acl or nsg holds the rules as a list of struct sluice_rule. */
struct sluice_config *rule_set_config(const struct rule_set *set, enum rule_set_form form);

/* --- for the files that draw rules --- */

/* Zeroed memory that lives as long as the set. */
void *rule_set_take(struct rule_set *set, size_t bytes);
/* Address of a place: its first `length` bits count (0..32); the rest is zero. */
address_number rule_set_address(const struct rule_set *set, uint32_t place, unsigned int length);
/* The addresses from one place to another. */
struct address_range rule_set_range(const struct rule_set *set, uint32_t first, uint32_t last);
struct address_range rule_set_prefix(const struct rule_set *set, uint32_t place,
				     unsigned int length);
/* One range as the sources or destinations of a rule; they cover everything before. */
void rule_set_source(struct rule_set *set, struct classifier_rule *rule,
		     struct address_range range);
void rule_set_destination(struct rule_set *set, struct classifier_rule *rule,
			  struct address_range range);
void rule_set_source_ports(struct rule_set *set, struct classifier_rule *rule, unsigned int first,
			   unsigned int last);
void rule_set_destination_ports(struct rule_set *set, struct classifier_rule *rule,
				unsigned int first, unsigned int last);

/* rule_set_kinds.c and rule_set_hostile.c: fill set->rule[0..count), which match everything. */
void rule_set_draw_like(struct rule_set *set, struct random *random);
void rule_set_draw_hostile(struct rule_set *set, struct random *random);

#endif
