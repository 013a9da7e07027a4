// SPDX-License-Identifier: BSD-2-Clause
/*
 * Single values of the document, by their type: from text, to text, copied, compared.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "loader/cpus.h"
#include "loader/schema.h"

size_t value_size(enum schema_type type)
{
	switch (type) {
	case SCHEMA_NAME:
	case SCHEMA_DEVICE:
	case SCHEMA_UPLINK:
	case SCHEMA_ADDRESS_NAME:
	case SCHEMA_CPUS:
	case SCHEMA_PREFIX_NAME:
	case SCHEMA_NEXT_HOP:
		return sizeof(char *);
	case SCHEMA_CHOICE:
	case SCHEMA_NUMBER:
	case SCHEMA_ICMP:
	case SCHEMA_PROTOCOL:
		return sizeof(int);
	case SCHEMA_FLAG:
		return sizeof(bool);
	case SCHEMA_FIXED:
		return 0;
	case SCHEMA_MAC:
		return 6;
	case SCHEMA_ADDRESS:
		return sizeof(struct ip_address);
	case SCHEMA_PREFIX:
		return sizeof(struct sluice_prefix);
	case SCHEMA_SELECTOR:
	case SCHEMA_RANGE:
		return sizeof(struct sluice_selector);
	case SCHEMA_PORTS:
		return sizeof(struct sluice_port_range);
	case SCHEMA_FRONTEND:
		return sizeof(struct sluice_frontend);
	case SCHEMA_TARGET:
		return sizeof(struct sluice_target);
	}
	return 0;
}

static bool is_string(enum schema_type type)
{
	return type == SCHEMA_NAME || type == SCHEMA_DEVICE || type == SCHEMA_UPLINK ||
	       type == SCHEMA_ADDRESS_NAME || type == SCHEMA_CPUS || type == SCHEMA_PREFIX_NAME ||
	       type == SCHEMA_NEXT_HOP;
}

static bool is_selector(enum schema_type type)
{
	return type == SCHEMA_SELECTOR || type == SCHEMA_RANGE;
}

static int no_memory(struct sluice_error *error)
{
	return sluice_error_set(error, -ENOMEM, "memory is short");
}

/* Puts "KEY: " before what a text_parse_* said. */
static int with_key(const struct sluice_field *field, int code, struct sluice_error *error)
{
	char sentence[sizeof(error->message)];

	if (!code || !error)
		return code;
	memcpy(sentence, error->message, sizeof(sentence));
	return sluice_error_set(error, code, "%s: %s", field->key, sentence);
}

static const struct schema_choice *find_choice(const struct schema_value *value, const char *text)
{
	for (const struct schema_choice *choice = value->choices; choice->text; choice++) {
		if (!strcasecmp(choice->text, text))
			return choice;
	}
	return NULL;
}

static int parse_choice(const struct sluice_field *field, const char *text, void *item,
			struct sluice_error *error)
{
	const struct schema_value *value = field->value;
	const struct schema_choice *choice = find_choice(value, text);

	if (value->type == SCHEMA_FIXED) {
		if (choice && choice->value == 0)
			return 0;
		if (choice || !value->choices[1].text)
			return sluice_error_set(error, -EINVAL, "\"%.64s\" %s; write \"%s\"", text,
						value->refusal, value->choices[0].text);
	}
	if (!choice) {
		char all[128] = "";

		for (choice = value->choices; choice->text; choice++) {
			if (choice != value->choices)
				strcat(all, choice[1].text ? ", " : " or ");
			strcat(all, choice->text);
		}
		return sluice_error_set(error, -EINVAL, "\"%.64s\" is not one of %s", text, all);
	}
	if (value->type == SCHEMA_FLAG)
		*(bool *)item = choice->value;
	else
		*(int *)item = choice->value;
	return 0;
}

static int parse_number(const struct schema_value *value, const char *text, void *item,
			struct sluice_error *error)
{
	unsigned long number;

	if (value->type == SCHEMA_PROTOCOL) {
		if (!sluice_protocol_parse(text, item))
			return 0;
		return sluice_error_set(error, -EINVAL,
					"\"%.64s\" is not one of Tcp, Udp, Icmp, Esp, Ah, a number "
					"within 0 to 255 or *",
					text);
	}
	if (value->type == SCHEMA_ICMP) {
		if (!strcmp(text, "*")) {
			*(int *)item = SLUICE_ANY;
			return 0;
		}
		if (text_parse_number(text, 0, 255, &number, error))
			return -EINVAL;
	} else if (value->choices && find_choice(value, text)) {
		*(int *)item = find_choice(value, text)->value;
		return 0;
	} else if (text_parse_number(text, value->low, value->high, &number, error)) {
		return -EINVAL;
	}
	*(unsigned int *)item = number;
	return 0;
}

static int parse_string(enum schema_type type, const char *text, char **item,
			struct sluice_error *error)
{
	struct ip_address address;
	char canonical[TEXT_MAX];
	int code;

	if (type == SCHEMA_ADDRESS_NAME)
		code = text_parse_address(text, &address, error);
	else
		code = type == SCHEMA_NAME ? text_check_name(text, error)
					   : text_check_device(text, type == SCHEMA_DEVICE, error);
	if (code)
		return code;
	if (type == SCHEMA_ADDRESS_NAME)
		text = sluice_address_text(&address, canonical);
	*item = strdup(text);
	return *item ? 0 : no_memory(error);
}

static int parse_cpus(const char *text, char **item, struct sluice_error *error)
{
	char canonical[TEXT_MAX];
	int code = cpus_check(text, canonical, error);

	if (code)
		return code;
	*item = strdup(canonical);
	return *item ? 0 : no_memory(error);
}

/* A prefix, or an address for the prefix of it alone, as the one text that such a prefix has. */
static int parse_prefix_name(const char *text, char **item, struct sluice_error *error)
{
	struct sluice_prefix prefix;
	char canonical[TEXT_MAX];
	int code = text_parse_prefix(text, &prefix, error);

	if (code)
		return code;
	*item = strdup(text_prefix(&prefix, canonical));
	return *item ? 0 : no_memory(error);
}

static int parse_next_hop(const struct schema_value *value, const char *text, char **item,
			  struct sluice_error *error)
{
	const struct schema_choice *choice = find_choice(value, text);
	struct ip_address address;
	char canonical[TEXT_MAX];

	if (!choice && sluice_address_parse(text, &address))
		return sluice_error_set(error, -EINVAL,
					"\"%.64s\" is neither an address nor internet or none", text);
	*item = strdup(choice ? choice->text : sluice_address_text(&address, canonical));
	return *item ? 0 : no_memory(error);
}

const struct built_in_tag built_in_tags[BUILT_IN_TAGS] = {
	{ "VirtualNetwork", "VirtualNetwork" },
	{ "Internet", "Internet" },
	{ "LoadBalancer", "LoadBalancer" },
	{ "AzureLoadBalancer", "LoadBalancer" },
};

const char *built_in_tag_meant(const char *name)
{
	for (size_t i = 0; i < BUILT_IN_TAGS; i++)
		if (!strcasecmp(name, built_in_tags[i].written))
			return built_in_tags[i].meant;
	return NULL;
}

static int parse_selector(enum schema_type type, const char *text, struct sluice_selector *item,
			  struct sluice_error *error)
{
	struct sluice_selector parsed = { 0 };
	char canonical[TEXT_MAX];
	const char *name = text;

	if (!strncasecmp(text, "asg:", 4) && type == SCHEMA_SELECTOR) {
		parsed.kind = SLUICE_SELECT_ASG;
		name = text + 4;
	} else if (text_is_range(text) || type == SCHEMA_RANGE) {
		parsed.kind = SLUICE_SELECT_RANGE;
		if (text_parse_range(text, &parsed.first, &parsed.last, canonical, error))
			return -EINVAL;
	} else {
		parsed.kind = SLUICE_SELECT_TAG;
		name = built_in_tag_meant(text) ?: text;
	}
	if (parsed.kind != SLUICE_SELECT_RANGE) {
		if (text_check_name(name, error))
			return -EINVAL;
		parsed.name = strdup(name);
		if (!parsed.name)
			return no_memory(error);
		snprintf(canonical, sizeof(canonical), "%s%s",
			 parsed.kind == SLUICE_SELECT_ASG ? "asg:" : "", name);
	}
	parsed.text = strdup(canonical);
	if (!parsed.text) {
		free(parsed.name);
		return no_memory(error);
	}
	*item = parsed;
	return 0;
}

static int parse_target(const char *text, struct sluice_target *item, struct sluice_error *error)
{
	char name[64];
	__u16 number;
	int code = text_parse_target(text, name, &number, error);

	if (code)
		return code;
	item->port = strdup(name);
	item->number = number;
	return item->port ? 0 : no_memory(error);
}

int value_parse(const struct sluice_field *field, const char *text, void *item,
		struct sluice_error *error)
{
	const struct schema_value *value = field->value;

	switch (value->type) {
	case SCHEMA_NAME:
	case SCHEMA_DEVICE:
	case SCHEMA_UPLINK:
	case SCHEMA_ADDRESS_NAME:
		return with_key(field, parse_string(value->type, text, item, error), error);
	case SCHEMA_CPUS:
		return with_key(field, parse_cpus(text, item, error), error);
	case SCHEMA_PREFIX_NAME:
		return with_key(field, parse_prefix_name(text, item, error), error);
	case SCHEMA_NEXT_HOP:
		return with_key(field, parse_next_hop(value, text, item, error), error);
	case SCHEMA_CHOICE:
	case SCHEMA_FLAG:
	case SCHEMA_FIXED:
		return with_key(field, parse_choice(field, text, item, error), error);
	case SCHEMA_NUMBER:
	case SCHEMA_ICMP:
	case SCHEMA_PROTOCOL:
		return with_key(field, parse_number(value, text, item, error), error);
	case SCHEMA_MAC:
		return with_key(field, text_parse_mac(text, item, error), error);
	case SCHEMA_ADDRESS:
		return with_key(field, text_parse_address(text, item, error), error);
	case SCHEMA_PREFIX:
		return with_key(field, text_parse_prefix(text, item, error), error);
	case SCHEMA_SELECTOR:
	case SCHEMA_RANGE:
		return with_key(field, parse_selector(value->type, text, item, error), error);
	case SCHEMA_PORTS:
		return with_key(field, text_parse_ports(text, item, error), error);
	case SCHEMA_FRONTEND:
		return with_key(field, text_parse_frontend(text, item, error), error);
	case SCHEMA_TARGET:
		return with_key(field, parse_target(text, item, error), error);
	}
	return -EINVAL;
}

static const char *choice_text(const struct schema_value *value, int number)
{
	for (const struct schema_choice *choice = value->choices; choice->text; choice++) {
		if (choice->value == number)
			return choice->text;
	}
	return NULL;
}

static const char *target_text(const struct sluice_target *target, char *buffer)
{
	if (!target->port)
		return NULL;
	snprintf(buffer, TEXT_MAX, "%s:%u", target->port, target->number);
	return buffer;
}

const char *value_text(const struct sluice_field *field, const void *item, char *buffer)
{
	const struct schema_value *value = field->value;

	switch (value->type) {
	case SCHEMA_NAME:
	case SCHEMA_DEVICE:
	case SCHEMA_UPLINK:
	case SCHEMA_ADDRESS_NAME:
	case SCHEMA_CPUS:
	case SCHEMA_PREFIX_NAME:
	case SCHEMA_NEXT_HOP:
		return *(char *const *)item;
	case SCHEMA_CHOICE:
		return choice_text(value, *(const int *)item);
	case SCHEMA_FLAG:
		return choice_text(value, *(const bool *)item);
	case SCHEMA_FIXED:
		return value->choices[0].text;
	case SCHEMA_NUMBER:
		if (value->low && !*(const unsigned int *)item)
			return NULL;
		if (value->choices && choice_text(value, *(const int *)item))
			return choice_text(value, *(const int *)item);
		snprintf(buffer, TEXT_MAX, "%u", *(const unsigned int *)item);
		return buffer;
	case SCHEMA_ICMP:
		if (*(const int *)item == SLUICE_ANY)
			return "*";
		snprintf(buffer, TEXT_MAX, "%d", *(const int *)item);
		return buffer;
	case SCHEMA_PROTOCOL:
		return sluice_protocol_text(*(const int *)item, buffer);
	case SCHEMA_MAC:
		return text_mac(item, buffer);
	case SCHEMA_ADDRESS: {
		static const struct ip_address not_given;

		if (value_equal(SCHEMA_ADDRESS, item, &not_given))
			return NULL;
		return sluice_address_text(item, buffer);
	}
	case SCHEMA_PREFIX:
		return text_prefix(item, buffer);
	case SCHEMA_SELECTOR:
	case SCHEMA_RANGE:
		return ((const struct sluice_selector *)item)->text;
	case SCHEMA_PORTS:
		return text_ports(item, buffer);
	case SCHEMA_FRONTEND:
		return text_frontend(item, buffer);
	case SCHEMA_TARGET:
		return target_text(item, buffer);
	}
	return NULL;
}

void value_clear(enum schema_type type, void *item)
{
	if (is_string(type) || type == SCHEMA_TARGET) {
		free(*(char **)item); /* a target begins with its name */
	} else if (is_selector(type)) {
		free(((struct sluice_selector *)item)->name);
		free(((struct sluice_selector *)item)->text);
	}
	memset(item, 0, value_size(type));
}

static int copy_string(const char *from, char **to)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

int value_copy(enum schema_type type, const void *from, void *to)
{
	const struct sluice_selector *source = from;
	struct sluice_selector *target = to;

	if (is_string(type))
		return copy_string(*(char *const *)from, to);
	memcpy(to, from, value_size(type));
	if (type == SCHEMA_TARGET)
		return copy_string(((const struct sluice_target *)from)->port,
				   &((struct sluice_target *)to)->port);
	if (!is_selector(type))
		return 0;
	target->text = NULL;
	if (copy_string(source->name, &target->name) || copy_string(source->text, &target->text)) {
		value_clear(type, to);
		return -ENOMEM;
	}
	return 0;
}

static bool same_string(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool value_equal(enum schema_type type, const void *a, const void *b)
{
	const struct sluice_prefix *prefix = a, *other = b;

	if (is_string(type))
		return same_string(*(char *const *)a, *(char *const *)b);
	if (type == SCHEMA_TARGET)
		return same_string(((const struct sluice_target *)a)->port,
				   ((const struct sluice_target *)b)->port) &&
		       ((const struct sluice_target *)a)->number ==
			       ((const struct sluice_target *)b)->number;
	if (type == SCHEMA_FRONTEND)
		return !address_compare(a, b) && ((const struct sluice_frontend *)a)->port ==
							 ((const struct sluice_frontend *)b)->port;
	if (is_selector(type))
		return same_string(((const struct sluice_selector *)a)->text,
				   ((const struct sluice_selector *)b)->text);
	if (type == SCHEMA_PREFIX)
		return prefix->length == other->length && prefix->ipv6 == other->ipv6 &&
		       !address_compare(&prefix->address, &other->address);
	return !memcmp(a, b, value_size(type));
}
