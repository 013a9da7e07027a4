/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The document as data: for each kind of thing one table says which keys it has, of which type,
 * and where in its struct they live. Everything that reads, writes, copies, compares, edits or
 * explains a document walks these tables; nothing else knows the keys.
 */
#ifndef SLUICE_LOADER_SCHEMA_H
#define SLUICE_LOADER_SCHEMA_H

#include "loader/sluice.h"
#include "loader/text.h"

/* What a value is. The comment names what is stored. */
enum schema_type {
	SCHEMA_NAME,     /* char *; the name of something, perhaps elsewhere in the document */
	SCHEMA_DEVICE,   /* char *; IFNAME or NETNS/IFNAME */
	SCHEMA_UPLINK,   /* char *; IFNAME */
	SCHEMA_ADDRESS_NAME, /* char *; the canonical text of an address */
	SCHEMA_CPUS,     /* char *; "node", or a list of CPUs in canonical form */
	SCHEMA_PREFIX_NAME,  /* char *; a prefix, canonical */
	SCHEMA_NEXT_HOP, /* char *; an address, canonical, or one of choices */
	SCHEMA_CHOICE,   /* an enum (int) out of choices */
	SCHEMA_FLAG,     /* bool, out of two choices */
	SCHEMA_FIXED,    /* nothing; choices[0] is the one value this version takes */
	SCHEMA_NUMBER,   /* unsigned int, low..high, or one of choices where there are some; 0 is "not
			  * given" where low is not 0 */
	SCHEMA_ICMP,     /* int, 0..255 or SLUICE_ANY */
	SCHEMA_PROTOCOL, /* int, 0..255 or SLUICE_ANY */
	SCHEMA_MAC,      /* unsigned char[6] */
	SCHEMA_ADDRESS,  /* struct ip_address */
	SCHEMA_PREFIX,   /* struct sluice_prefix */
	SCHEMA_SELECTOR, /* struct sluice_selector */
	SCHEMA_RANGE,    /* struct sluice_selector that is a SLUICE_SELECT_RANGE */
	SCHEMA_PORTS,    /* struct sluice_port_range */
	SCHEMA_FRONTEND, /* struct sluice_frontend */
	SCHEMA_TARGET,   /* struct sluice_target */
};

struct schema_choice {
	const char *text; /* NULL ends the choices */
	int value;
};

struct schema_value {
	enum schema_type type;
	size_t offset; /* of the value, or of the pointer to the list */
	size_t count;  /* lists: offset of their size_t count */
	const struct schema_choice *choices;
	const char *refusal; /* SCHEMA_FIXED: why the other choices are refused */
	unsigned int low;
	unsigned int high;
	int initial; /* the value when none is given */
	bool any;    /* a list in which "*" stands for everything */
};

/* How the things inside another one are spelled in the file. */
enum schema_shape {
	SHAPE_ONE,   /* key: {...}: no list, the struct of the thing it is in */
	SHAPE_LIST,  /* key: [{name: NAME, ...}] */
	SHAPE_MAP,   /* key: {NAME: {...}} */
	SHAPE_LISTS, /* key: {NAME: [{...}]}: the list of its only child */
	SHAPE_BARE,  /* key: {NAME: value}: the value of its only field */
	SHAPE_NAMES, /* key: [NAME] */
};

struct schema_child {
	const char *key; /* NULL ends the children */
	enum schema_shape shape;
	enum sluice_kind kind;
	size_t offset;
	size_t count;
};

/* The whole document, beside the kinds that the CLI's nouns name. */
#define SCHEMA_DOCUMENT SLUICE_KIND_COUNT

struct schema_kind {
	const char *name; /* "nsg rule" */
	size_t size;
	const char *name_key; /* NULL: nothing names it */
	enum schema_type name_type;
	size_t name_offset;                  /* of its char * */
	bool placed;                         /* begins with a struct sluice_place */
	bool keyed;                          /* its name is the key it stands under */
	bool block;                          /* written over several lines */
	const struct sluice_field *fields;   /* ended by a NULL key */
	const struct schema_child *children; /* ended by a NULL key */
	const char *const *unsupported; /* CONTRACT's keys that this version can not do, or NULL */
};

const struct schema_kind *schema_kind(unsigned int kind);
/* The field of a kind by its whole key, or NULL. */
const struct sluice_field *schema_field(const struct schema_kind *kind, const char *key);
/* The child of a kind by its key, or NULL. */
const struct schema_child *schema_child(const struct schema_kind *kind, const char *key);
/* Where a kind's things are kept: in the document itself or in the parent named. */
unsigned int schema_parent(enum sluice_kind kind);
const struct schema_child *schema_place_of(enum sluice_kind kind);
/* Says that a kind has no such key, which one was perhaps meant and which there are. prefix: of the
 * nested map it was found in ("guards."), or "". */
int schema_unknown_key(const struct schema_kind *kind, const char *prefix, const char *key,
		       struct sluice_error *error);
/* The candidate nearest to text when it is near enough to be what was meant, or NULL. Feed the
 * candidates one by one; starts with *best NULL. */
void schema_nearest(const char *text, const char *candidate, const char **best,
		    unsigned int *distance);

/* --- values (schema_value.c) --- */

size_t value_size(enum schema_type type);
/* Fills a zeroed item from text. The error's sentence begins with the key. */
int value_parse(const struct sluice_field *field, const char *text, void *item,
		struct sluice_error *error);
/* Its canonical text, in buffer (TEXT_MAX bytes) or elsewhere; NULL: it is not given. */
const char *value_text(const struct sluice_field *field, const void *item, char *buffer);
void value_clear(enum schema_type type, void *item);
int value_copy(enum schema_type type, const void *from, void *to);
bool value_equal(enum schema_type type, const void *a, const void *b);

/* --- things (schema_object.c) --- */

struct schema_list {
	void **items;
	size_t *count;
};

static inline struct schema_list schema_list(const void *object, size_t offset, size_t count)
{
	return (struct schema_list){ (void **)((char *)object + offset),
				     (size_t *)((char *)object + count) };
}

static inline char **object_name(const struct schema_kind *kind, const void *object)
{
	return (char **)((char *)object + kind->name_offset);
}

static inline void *object_value(const void *object, const struct sluice_field *field)
{
	return (char *)object + field->value->offset;
}

static inline void *list_item(const struct schema_list *list, size_t size, size_t i)
{
	return (char *)*list->items + i * size;
}

/* Room for one more item of a list, zeroed, counted; NULL: no memory. Lists of documents hold at
 * least as many items as the power of two at or above their count. */
void *list_append(struct schema_list list, size_t size);
/* Room for a list of count items, zeroed, not counted. */
void *list_allocate(size_t count, size_t size);

void object_init(const struct schema_kind *kind, void *object);
/* Frees what the object holds, not the object. */
void object_clear(const struct schema_kind *kind, void *object);
/* Into an object that holds nothing. On -ENOMEM `to` holds nothing. */
int object_copy(const struct schema_kind *kind, const void *from, void *to);
/* Frees a field's value or list and leaves zeroes. */
void object_clear_field(const struct sluice_field *field, void *object);
/* Sets a field that holds its initial value from texts. "*" empties a list it may stand in. */
int object_set(const struct schema_kind *kind, void *object, const struct sluice_field *field,
	       const char *const *values, size_t count, struct sluice_error *error);
/* Whether it holds what object_init gave it: such a field is not written. */
bool object_field_initial(const struct sluice_field *field, const void *object);
/* Lists whose order means nothing are compared as sets. */
bool object_field_equal(const struct sluice_field *field, const void *a, const void *b);
/* The item named, or NULL; *index when not NULL: where. */
void *object_find(const struct schema_child *child, const void *parent, const char *name,
		  size_t *index);
json_t *object_json(const struct schema_kind *kind, const void *object, bool with_children);
/* As many vnets as a switch can have ports. A document with more is refused by validation. */
#define CONFIG_VNETS_MAX SLUICE_MAX_PORTS

/* Gives every vnet without one a VNI; see struct sluice_vnet. */
void config_assign_vnis(struct sluice_config *config);

/* --- things of the document (config_edit.c) --- */

/* A thing of that kind with its name, all else initial; goes into the document, or is dropped. */
int config_make(enum sluice_kind kind, const char *name, void **item, struct sluice_error *error);
void config_drop(enum sluice_kind kind, void *item);
/* Sets what it is given and says what is missing; path: of the thing, for messages. */
int config_set(enum sluice_kind kind, const char *path, void *item,
	       const struct sluice_setting *settings, size_t count, struct sluice_error *error);
/* Puts it at that position of its list, whose names nobody looks at. Takes the item in any case. */
int config_insert(struct sluice_config *config, enum sluice_kind kind, const char *parent,
		  void *item, size_t position, struct sluice_error *error);

/* --- the whole --- */

/* Which value an error of validation is about. */
struct schema_at {
	struct sluice_place place; /* of the thing */
	const char *key;           /* NULL: the thing itself */
	size_t index;              /* in a list */
};

/* sluice_config_validate, and what it found fault with. */
int config_validate(const struct sluice_config *config, struct schema_at *at,
		    struct sluice_error *error);
/* Whether a rule that stands in no list yet can be added to one of the document's (its acls or nsgs),
 * as config_validate() would find; but for its name. Says no without a sentence. */
bool config_may_add(const struct sluice_config *config, bool acl, size_t owner,
		    const struct sluice_rule *rule);
/* Reads YAML into a document that was initialised; validates nothing. On failure config holds what
 * had been read. */
int yaml_read(const char *text, size_t length, const char *name, struct sluice_config *config,
	      struct sluice_error *error);
/* Finds where in the text the value stands that `at` means. */
int yaml_locate(const char *text, size_t length, const struct schema_at *at,
		struct sluice_place *place);

/* The tags that are there without being defined, in any case and in Azure's words too. */
#define BUILT_IN_TAGS 4
extern const struct built_in_tag {
	const char *written;
	const char *meant; /* what a document is read as and written with */
} built_in_tags[BUILT_IN_TAGS];
/* The built-in tag that a name means, or NULL. */
const char *built_in_tag_meant(const char *name);

#endif
