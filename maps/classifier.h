/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Classifiers in `tables`: an ordered list of rules, compiled.
 *
 * The packet path knows only `classify(tuple, line) -> verdict` (bpf/classify.h) and the writer
 * only `classifier_build(rules) -> line` (loader/classifier.h); what lies between is their own
 * business and can be replaced.
 *
 * Here it is plain: a classifier is a struct classifier followed by item_count items of one line
 * each. An item is a rule's head or one of its tests. Tests stand behind their head, grouped by
 * field; a rule matches when its head matches and in each group at least one test does. A field
 * that accepts everything has no group. The walk visits each line at most once: its cost is the
 * number of lines, whatever the packet.
 */
#ifndef SLUICE_MAPS_CLASSIFIER_H
#define SLUICE_MAPS_CLASSIFIER_H

#include "base.h"

enum access {
	ACCESS_DENY = 0,
	ACCESS_ALLOW = 1,
};

struct classifier {
	__u32 item_count;
	__u32 miss_access; /* enum access when no rule matches (ACL: allow) */
	__u8 padding[56];
};

enum item_kind {
	ITEM_RULE = 1,
	ITEM_SOURCE = 2,           /* low..high hold the source address */
	ITEM_DESTINATION = 3,      /* low..high hold the destination address */
	ITEM_SOURCE_PORT = 4,      /* port_low..port_high hold the source port */
	ITEM_DESTINATION_PORT = 5, /* port_low..port_high hold the destination port */
};

#define CLASSIFIER_ANY 0xffff /* protocol, icmp_type, icmp_code: matches all */

struct classifier_item {
	__u64 low[2];       /* tests of addresses: host order, high half first, inclusive */
	__u64 high[2];
	__u16 port_low;     /* tests of ports: host order, inclusive */
	__u16 port_high;
	__u8 kind;          /* enum item_kind */
	__u8 access;        /* ITEM_RULE: enum access */
	__u16 protocol;     /* ITEM_RULE: IP protocol, CLASSIFIER_ANY, or PROTOCOL_ICMP for both ICMPs */
	__u16 icmp_type;    /* ITEM_RULE: 0..255 or CLASSIFIER_ANY */
	__u16 icmp_code;    /* ITEM_RULE: 0..255 or CLASSIFIER_ANY */
	__u32 rule;         /* ITEM_RULE: rule id, the index of its counters */
	__u32 skip;         /* ITEM_RULE: tests that follow, to skip when the head does not match.
			     * Tests: lines of the same group that still follow this one. */
	__u8 needs_ports;   /* ITEM_RULE: matches only packets with ports (TCP, UDP, SCTP) */
	__u8 padding[11];
};

_Static_assert(sizeof(struct classifier) == SLUICE_CACHE_LINE, "the head is one line");
_Static_assert(sizeof(struct classifier_item) == SLUICE_CACHE_LINE, "an item is one line");

#endif
