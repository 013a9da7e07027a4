/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules as boxes in the space of the five fields. */
#include "loader/classifier_build.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/param.h>

static const struct span whole[CLASSIFIER_FIELDS] = {
	[FIELD_SOURCE] = { 0, ~0U },         [FIELD_DESTINATION] = { 0, ~0U },
	[FIELD_SOURCE_PORT] = { 0, 0xffff }, [FIELD_DESTINATION_PORT] = { 0, 0xffff },
	[FIELD_PROTOCOL] = { 0, 255 },
};

/* A field from spans in normal form; false: they hold nothing. */
static bool set_field(struct layer *layer, struct box *box, enum classifier_field field,
		      const struct span *spans, size_t count, __u32 set, int *result)
{
	if (!count)
		return false;
	if (count > 1 && !set) {
		set = sets_intern(&layer->sets, spans, count);
		if (!set)
			*result = -ENOMEM;
	}
	box->span[field] = (struct span){ spans[0].low, spans[count - 1].high };
	box->set[field] = set;
	return true;
}

static bool set_addresses(struct layer *layer, struct box *box, int side, int *result)
{
	const struct address_lists *lists = &layer->side[side];
	const struct address_list *list;

	if (lists->of_rule[box->rule] == ADDRESS_ANY)
		return true;
	list = &lists->list[lists->of_rule[box->rule]];
	return set_field(layer, box, side ? FIELD_DESTINATION : FIELD_SOURCE, list->span,
			 list->span_count, list->set, result);
}

static bool set_ports(struct layer *layer, struct box *box, enum classifier_field field,
		      const struct sluice_port_range *ranges, size_t count, int *result)
{
	struct span *spans;
	bool some;

	if (!count)
		return true;
	spans = malloc(count * sizeof(*spans));
	if (!spans) {
		*result = -ENOMEM;
		return false;
	}
	for (size_t i = 0; i < count; i++)
		spans[i] = (struct span){ ranges[i].first, ranges[i].last };
	some = set_field(layer, box, field, spans, spans_normalize(spans, count), 0, result);
	free(spans);
	return some;
}

/* Types and codes stand in the field of destination ports. */
static bool set_icmp(struct layer *layer, struct box *box, const struct classifier_rule *rule,
		     int *result)
{
	struct span spans[256];
	size_t count = 0;

	if (rule->icmp_code == SLUICE_ANY)
		spans[count++] = (struct span){ (__u32)rule->icmp_type << 8,
						(__u32)rule->icmp_type << 8 | 255 };
	for (__u32 type = 0; type < 256 && rule->icmp_code != SLUICE_ANY; type++) {
		__u32 value = type << 8 | (__u32)rule->icmp_code;

		if (rule->icmp_type == SLUICE_ANY || rule->icmp_type == (int)type)
			spans[count++] = (struct span){ value, value };
	}
	return set_field(layer, box, FIELD_DESTINATION_PORT, spans, count, 0, result);
}

static bool narrow_protocol(struct box *box, __u32 low, __u32 high)
{
	struct span *span = &box->span[FIELD_PROTOCOL];

	span->low = MAX(span->low, low);
	span->high = MIN(span->high, high);
	return span->low <= span->high;
}

static bool set_protocol(struct box *box, const struct classifier_rule *rule)
{
	__u32 value = rule->protocol == SLUICE_ANY ? 0 : classifier_protocol((__u32)rule->protocol);
	bool some = true;

	if (rule->protocol != SLUICE_ANY) {
		box->span[FIELD_PROTOCOL] = (struct span){ value, value };
		if (value == CLASSIFIER_ICMP_FIRST)
			box->span[FIELD_PROTOCOL].high = CLASSIFIER_ICMP_LAST;
	}
	if (rule->source_port_count || rule->destination_port_count)
		some = narrow_protocol(box, CLASSIFIER_PORTS_FIRST, CLASSIFIER_PORTS_LAST);
	if (rule->icmp_type != SLUICE_ANY || rule->icmp_code != SLUICE_ANY)
		some = some && narrow_protocol(box, CLASSIFIER_ICMP_FIRST, CLASSIFIER_ICMP_LAST);
	return some;
}

/* False: nothing of the rule's family matches it, or *result is an error. */
static bool make_box(struct layer *layer, struct box *box, __u32 number, int *result)
{
	const struct classifier_rule *rule = layer->rule[number];

	*box = (struct box){ .rule = number };
	for (int field = 0; field < CLASSIFIER_FIELDS; field++)
		box->span[field] = whole[field];
	if (!set_protocol(box, rule) || !set_addresses(layer, box, 0, result) ||
	    !set_addresses(layer, box, 1, result) ||
	    !set_ports(layer, box, FIELD_SOURCE_PORT, rule->source_ports, rule->source_port_count,
		       result) ||
	    !set_ports(layer, box, FIELD_DESTINATION_PORT, rule->destination_ports,
		       rule->destination_port_count, result))
		return false;
	if (rule->icmp_type != SLUICE_ANY || rule->icmp_code != SLUICE_ANY)
		return set_icmp(layer, box, rule, result);
	return true;
}

int layer_boxes(struct layer *layer, struct box **boxes, size_t *count)
{
	int result = 0;

	*boxes = malloc((layer->count + 1) * sizeof(**boxes));
	if (!*boxes)
		return -ENOMEM;
	*count = 0;
	for (size_t i = 0; i < layer->count && !result; i++)
		if (make_box(layer, *boxes + *count, (__u32)i, &result))
			++*count;
	if (result) {
		free(*boxes);
		*boxes = NULL;
	}
	return result;
}
