// SPDX-License-Identifier: BSD-2-Clause
/*
 * The document's life: read, made, copied, freed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/schema.h"

/* A file of this size holds several hundred thousand rules. */
#define FILE_MAX (64U << 20)

void sluice_config_free(struct sluice_config *config)
{
	if (!config)
		return;
	object_clear(schema_kind(SCHEMA_DOCUMENT), config);
	free(config->file);
	free(config);
}

int sluice_config_new(const char *name, struct sluice_config **config, struct sluice_error *error)
{
	struct sluice_config *new;

	if (text_check_name(name, error))
		return -EINVAL;
	new = calloc(1, sizeof(*new));
	if (new)
		new->name = strdup(name);
	if (!new || !new->name) {
		free(new);
		return sluice_error_set(error, -ENOMEM, "memory is short");
	}
	object_init(schema_kind(SLUICE_SWITCH), new);
	object_init(schema_kind(SLUICE_TUNNEL), new);
	*config = new;
	return 0;
}

int sluice_config_copy(const struct sluice_config *from, struct sluice_config **to,
		       struct sluice_error *error)
{
	struct sluice_config *copy = calloc(1, sizeof(*copy));

	if (copy && !object_copy(schema_kind(SCHEMA_DOCUMENT), from, copy)) {
		copy->file = from->file ? strdup(from->file) : NULL;
		if (copy->file || !from->file) {
			*to = copy;
			return 0;
		}
	}
	sluice_config_free(copy);
	return sluice_error_set(error, -ENOMEM, "memory is short");
}

/* FNV-1a over the name, folded into the 24 bits of a VNI. */
static unsigned int vni_of_name(const char *name)
{
	unsigned int hash = 2166136261U;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	return (hash >> 24 ^ hash) & 0xffffff;
}

static bool vni_taken(const struct sluice_config *config, unsigned int vni)
{
	for (size_t i = 0; i < config->vnet_count; i++) {
		if (config->vnets[i].vni == vni)
			return true;
	}
	return false;
}

static struct sluice_vnet *first_without_vni(struct sluice_config *config)
{
	struct sluice_vnet *first = NULL;

	for (size_t i = 0; i < config->vnet_count; i++) {
		struct sluice_vnet *vnet = &config->vnets[i];

		if (!vnet->vni && (!first || strcmp(vnet->name, first->name) < 0))
			first = vnet;
	}
	return first;
}

void config_assign_vnis(struct sluice_config *config)
{
	struct sluice_vnet *vnet;

	if (config->vnet_count > CONFIG_VNETS_MAX)
		return;
	/* In the order of names, so that two names that meet do not depend on the file's order. */
	while ((vnet = first_without_vni(config))) {
		unsigned int vni = vni_of_name(vnet->name);

		while (!vni || vni_taken(config, vni))
			vni = (vni + 1) & 0xffffff;
		vnet->vni = vni;
	}
}

/* What goes onto the wire must be the same on all hosts: no name's derivative. */
static int config_require_vnis(const struct sluice_config *config, struct schema_at *at,
			       struct sluice_error *error)
{
	for (size_t i = 0; i < config->vnet_count; i++) {
		const struct sluice_vnet *vnet = &config->vnets[i];

		if (vnet->vni || !vnet->address_count)
			continue;
		*at = (struct schema_at){ vnet->place, NULL, 0 };
		return sluice_error_set(error, -EINVAL,
					"vnet \"%s\" has addresses on remotes, so it needs a \"vni\", "
					"the same on all hosts", vnet->name);
	}
	return 0;
}

/* Adds the place of what validation found fault with. */
static void locate(const char *text, size_t length, const char *name, const struct schema_at *at,
		   struct sluice_error *error)
{
	struct sluice_place place = at->place;

	if (!error)
		return;
	if (at->key && place.line)
		yaml_locate(text, length, at, &place);
	snprintf(error->file, sizeof(error->file), "%s", name);
	error->line = place.line;
	error->column = place.column;
}

int sluice_config_parse(const char *text, size_t length, const char *name,
			struct sluice_config **config, struct sluice_error *error)
{
	struct schema_at at = { 0 };
	struct sluice_config *read;
	int code = sluice_config_new(SLUICE_DEFAULT_SWITCH, &read, error);

	if (code)
		return code;
	read->file = strdup(name);
	if (!read->file)
		code = sluice_error_set(error, -ENOMEM, "memory is short");
	else
		code = yaml_read(text, length, name, read, error);
	if (!code) {
		code = config_require_vnis(read, &at, error);
		config_assign_vnis(read);
		code = code ? code : config_validate(read, &at, error);
		if (code)
			locate(text, length, name, &at, error);
	}
	if (code) {
		sluice_config_free(read);
		return code;
	}
	*config = read;
	return 0;
}

static int read_failed(const char *name, int code, const char *why, struct sluice_error *error)
{
	sluice_error_set(error, code, "can not read %.200s: %s", name, why);
	return code;
}

/* The whole stream, however it comes: a pipe does not tell its size. */
static int read_stream(FILE *stream, const char *name, char **text, size_t *length,
		       struct sluice_error *error)
{
	size_t room = 1 << 16, used = 0;
	char *buffer = NULL;

	do {
		char *more;

		room *= 2;
		more = realloc(buffer, room);
		if (!more) {
			free(buffer);
			return sluice_error_set(error, -ENOMEM, "memory is short");
		}
		buffer = more;
		used += fread(buffer + used, 1, room - used, stream);
	} while (used == room && used <= FILE_MAX);
	if (ferror(stream)) {
		int code = -errno;

		free(buffer);
		return read_failed(name, code, strerror(-code), error);
	}
	if (used > FILE_MAX) {
		free(buffer);
		return read_failed(name, -EFBIG, "it is larger than 64 MiB", error);
	}
	*text = buffer;
	*length = used;
	return 0;
}

int sluice_config_read(const char *path, struct sluice_config **config, struct sluice_error *error)
{
	bool standard_input = !strcmp(path, "-");
	const char *name = standard_input ? "<stdin>" : path;
	FILE *stream = standard_input ? stdin : fopen(path, "re");
	size_t length = 0;
	char *text = NULL;
	int code;

	if (!stream)
		return read_failed(name, -errno, strerror(errno), error);
	code = read_stream(stream, name, &text, &length, error);
	if (!standard_input)
		fclose(stream);
	if (code)
		return code;
	code = sluice_config_parse(text, length, name, config, error);
	free(text);
	return code;
}
