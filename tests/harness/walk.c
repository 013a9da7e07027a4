/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads compiled tables; see walk.h. */
#include "tests/harness/walk.h"

#include <endian.h>
#include <netinet/in.h>
#include <string.h>

static bool within(const struct ip_address *address, const __u64 low[2], const __u64 high[2])
{
	__u64 first = be64toh(address->halves[0]), second = be64toh(address->halves[1]);

	if (first < low[0] || (first == low[0] && second < low[1]))
		return false;
	return first < high[0] || (first == high[0] && second <= high[1]);
}

static bool head_matches(const struct classifier_item *head, const struct reference_tuple *tuple)
{
	bool has_ports = tuple->protocol == IPPROTO_TCP || tuple->protocol == IPPROTO_UDP ||
			 tuple->protocol == IPPROTO_SCTP;

	if (head->protocol != CLASSIFIER_ANY && head->protocol != tuple->protocol &&
	    !(head->protocol == IPPROTO_ICMP && tuple->protocol == IPPROTO_ICMPV6))
		return false;
	return (has_ports || !head->needs_ports) &&
	       (head->icmp_type == CLASSIFIER_ANY || head->icmp_type == tuple->icmp_type) &&
	       (head->icmp_code == CLASSIFIER_ANY || head->icmp_code == tuple->icmp_code);
}

static bool test_passes(const struct classifier_item *test, const struct reference_tuple *tuple)
{
	switch (test->kind) {
	case ITEM_SOURCE:
		return within(&tuple->source, test->low, test->high);
	case ITEM_DESTINATION:
		return within(&tuple->destination, test->low, test->high);
	case ITEM_SOURCE_PORT:
		return tuple->source_port >= test->port_low &&
		       tuple->source_port <= test->port_high;
	case ITEM_DESTINATION_PORT:
		return tuple->destination_port >= test->port_low &&
		       tuple->destination_port <= test->port_high;
	}
	return false;
}

void walk_classify(const struct table_line *lines, __u32 line, const struct reference_tuple *tuple,
		   struct walk_verdict *verdict)
{
	const struct classifier *classifier = (const void *)&lines[line];
	const struct classifier_item *item = (const void *)&lines[line + 1];
	const struct classifier_item *end;

	*verdict = (struct walk_verdict){ 0, ACCESS_ALLOW };
	if (!line)
		return;
	end = item + classifier->item_count;
	verdict->access = classifier->miss_access;
	while (item < end) {
		const struct classifier_item *head = item++;
		const struct classifier_item *next = item + head->skip;
		bool matches = head->kind == ITEM_RULE && head_matches(head, tuple);

		while (matches && item < next) { /* one group of tests a turn */
			const struct classifier_item *group_end = item + item->skip + 1;

			for (matches = false; item < group_end; item++)
				matches |= test_passes(item, tuple);
		}
		if (matches) {
			*verdict = (struct walk_verdict){ head->rule, head->access };
			return;
		}
		item = next;
	}
}

__u32 walk_endpoint(const struct table_line *lines, const struct vnet *vnet,
		    const struct ip_address *address)
{
	__u32 bucket = endpoint_hash(address, vnet->endpoint_seed) & vnet->endpoint_mask;
	const struct endpoint_bucket *endpoints = (const void *)&lines[vnet->endpoints + bucket];

	for (int i = 0; i < ENDPOINTS_PER_BUCKET; i++)
		if (endpoints->target[i] &&
		    !memcmp(&endpoints->address[i], address, sizeof(*address)))
			return endpoints->target[i];
	return 0;
}

__u32 walk_device(const struct table_line *lines, const struct root *root, __u32 ifindex)
{
	const struct device_bucket *bucket =
		(const void *)&lines[root->devices + (ifindex & root->device_mask)];

	for (int i = 0; i < DEVICES_PER_BUCKET; i++)
		if (ifindex && bucket->entry[i].ifindex == ifindex)
			return bucket->entry[i].slot;
	return 0;
}

const struct route *walk_route(const struct table_line *lines, const struct vnet *vnet,
			       const struct ip_address *address)
{
	const struct route *routes = (const void *)&lines[vnet->routes];

	for (__u32 i = 0; i < vnet->route_count; i++)
		if (within(address, routes[i].low, routes[i].high))
			return &routes[i];
	return NULL;
}
