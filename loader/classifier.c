/* SPDX-License-Identifier: BSD-2-Clause */
/* Lays a list of rules as maps/classifier.h says. */
#include "loader/classifier.h"

#include <endian.h>
#include <errno.h>

/* A rule that names an empty list (an asg without members) can match nothing and is left out. */
static bool matches_nothing(const struct classifier_rule *rule)
{
	return (!rule->any_source && !rule->source_count) ||
	       (!rule->any_destination && !rule->destination_count);
}

static size_t rule_items(const struct classifier_rule *rule)
{
	return 1 + (rule->any_source ? 0 : rule->source_count) +
	       (rule->any_destination ? 0 : rule->destination_count) + rule->source_port_count +
	       rule->destination_port_count;
}

static __u16 value_or_any(int value)
{
	return value == SLUICE_ANY ? CLASSIFIER_ANY : (__u16)value;
}

static struct classifier_item *lay_head(struct classifier_item *item,
					const struct classifier_rule *rule)
{
	item->kind = ITEM_RULE;
	item->access = rule->access;
	item->protocol = value_or_any(rule->protocol);
	item->icmp_type = value_or_any(rule->icmp_type);
	item->icmp_code = value_or_any(rule->icmp_code);
	item->rule = rule->id;
	item->skip = (__u32)rule_items(rule) - 1;
	item->needs_ports = rule->source_port_count || rule->destination_port_count;
	return item + 1;
}

static struct classifier_item *lay_addresses(struct classifier_item *item, enum item_kind kind,
					     const struct address_range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++, item++) {
		item->kind = kind;
		item->skip = (__u32)(count - i - 1);
		for (int half = 0; half < 2; half++) {
			item->low[half] = be64toh(ranges[i].first.halves[half]);
			item->high[half] = be64toh(ranges[i].last.halves[half]);
		}
	}
	return item;
}

static struct classifier_item *lay_ports(struct classifier_item *item, enum item_kind kind,
					 const struct sluice_port_range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++, item++) {
		item->kind = kind;
		item->skip = (__u32)(count - i - 1);
		item->port_low = ranges[i].first;
		item->port_high = ranges[i].last;
	}
	return item;
}

static struct classifier_item *lay_rule(struct classifier_item *item,
					const struct classifier_rule *rule)
{
	item = lay_head(item, rule);
	if (!rule->any_source)
		item = lay_addresses(item, ITEM_SOURCE, rule->sources, rule->source_count);
	if (!rule->any_destination)
		item = lay_addresses(item, ITEM_DESTINATION, rule->destinations,
				     rule->destination_count);
	item = lay_ports(item, ITEM_SOURCE_PORT, rule->source_ports, rule->source_port_count);
	return lay_ports(item, ITEM_DESTINATION_PORT, rule->destination_ports,
			 rule->destination_port_count);
}

int classifier_build(struct tables *tables, const struct classifier_rule *rules, size_t count,
		     enum access miss, __u32 *line, struct sluice_error *error)
{
	struct classifier_item *item;
	struct classifier *head;
	size_t items = 0;
	__u32 first;

	for (size_t i = 0; i < count; i++)
		if (!matches_nothing(&rules[i]))
			items += rule_items(&rules[i]);
	first = items < tables->count ? tables_take(tables, (__u32)items + 1) : 0;
	if (!first)
		return sluice_error_set(error, -ENOSPC,
					"the table has no room for a list of %zu rules "
					"(%zu lines); use fewer or shorter rules",
					count, items + 1);
	head = tables_line(tables, first);
	head->item_count = (__u32)items;
	head->miss_access = miss;
	item = tables_line(tables, first + 1);
	for (size_t i = 0; i < count; i++)
		if (!matches_nothing(&rules[i]))
			item = lay_rule(item, &rules[i]);
	*line = first;
	return 0;
}
