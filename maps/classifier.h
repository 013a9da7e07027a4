/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Classifiers in `tables`: an ordered list of rules, compiled.
 *
 * The packet path knows only `classify(tuple, line) -> verdict` (bpf/classify.h) and the writer
 * only `classifier_build(rules) -> line` (loader/classifier.h); what lies between is their own
 * business and can be replaced. ARCHITECTURE.md says why it is as it is.
 *
 * A packet is a point in five fields of 32 bits, a rule a box of them. Boxes are found through
 * trees whose nodes cut one field into up to 16 pieces, down to leaves of a few boxes. Rules that
 * one cut would put into too many pieces are kept in a tree of their own: a part. A packet goes
 * down each part's tree unless what it found already comes before the part's first rule. What crosses
 * in all fields, so that no cuts part it, is kept as bit vectors (struct classifier_vectors).
 *
 *   struct classifier        the head, one line
 *   struct classifier_view   four lines behind it: layer 0 for IPv4, for IPv6, layer 1 likewise
 *
 * Layer 0 is the base, layer 1, where there is one, rules added since: a new head with a layer 1
 * of its own and the base of an older head. Both are asked; the lower order decides.
 *
 * An IPv4 address is its own 32-bit value of its field. An IPv6 address's is found through a map
 * (struct classifier_line as a search tree, 32 bits of the address after the other): the number of
 * the interval that it lies in, of those that the rules' ranges cut all addresses into. So a range
 * of addresses is a range of values in either family.
 *
 * A list of several ranges would be as many boxes, or with lists in two fields their product. It
 * is instead one box around all ranges, and a set, asked when the box matches. Where a leaf's
 * piece of the field holds but one of the ranges, the box is that range and nothing is to be asked.
 *
 * Steps are bounded by construction: a tree has at most CLASSIFIER_DEPTH nodes above a leaf of at
 * most CLASSIFIER_LEAF_LINES, a search has at most CLASSIFIER_SEARCH_LEVELS for each 32 bits,
 * vectors have VECTOR_WORDS words and CLASSIFIER_CANDIDATES boxes in vain. What does not fit is
 * refused when it is compiled.
 */
#ifndef SLUICE_MAPS_CLASSIFIER_H
#define SLUICE_MAPS_CLASSIFIER_H

#include "base.h"

enum access {
	ACCESS_DENY = 0,
	ACCESS_ALLOW = 1,
};

enum classifier_field {
	FIELD_SOURCE = 0,
	FIELD_DESTINATION = 1,
	FIELD_SOURCE_PORT = 2,      /* 0 for protocols without ports */
	FIELD_DESTINATION_PORT = 3, /* ICMP and ICMPv6: type << 8 | code */
	FIELD_PROTOCOL = 4,         /* classifier_protocol() */
	CLASSIFIER_FIELDS = 5,
};

enum classifier_family {
	FAMILY_IPV4 = 0, /* going by the source; no packet has addresses of both */
	FAMILY_IPV6 = 1,
	CLASSIFIER_FAMILIES = 2,
};

#define CLASSIFIER_LAYERS        2
#define CLASSIFIER_PARTS         6
#define CLASSIFIER_DEPTH         12  /* nodes of one tree that a packet visits at most */
#define CLASSIFIER_LEAF_LINES    128 /* and lines of the leaf behind them; a few as a rule */
#define CLASSIFIER_SEARCH_LEVELS 6   /* lines of a search for each 32 bits */

struct classifier {
	__u32 miss_access; /* enum access when no rule matches (ACL: allow) */
	__u32 layer_count;
	__u8 padding[56];
};

/* A layer as one family sees it. */
struct classifier_view {
	__u32 map[2]; /* search trees of source and destination addresses; 0: the address itself */
	__u32 blocks; /* first line of the layer's blocks of rules */
	__u32 part_count; /* 0: no rule of this family */
	struct {
		__u32 root;       /* of a tree; with PART_VECTORS, a struct classifier_vectors */
		__u32 first_rule; /* the lowest number of a rule in this part */
	} part[CLASSIFIER_PARTS]; /* in the order of first_rule */
};

#define PART_VECTORS (1U << 31)

/*
 * A part as bit vectors: each field's values are cut into intervals, each with a vector that has
 * the bits of the boxes that hold some value of it. Where all five vectors of a point have a bit, that
 * box may hold the point, and is asked.
 *
 * A vector's first word says which others are not zero. Box n has bit n % 64 of word 1 + n / 64.
 * There are at most CLASSIFIER_CANDIDATES boxes that hold the intervals of a point and not the point.
 */
struct classifier_vectors {
	__u32 root[5]; /* by enum classifier_field: search trees whose answers are vectors' lines */
	__u32 boxes;   /* first of the lines of boxes, as in leaves, in the order of their rules */
	__u8 padding[40];
};

#define VECTOR_BITS           64
#define VECTOR_WORDS          64
#define VECTOR_WORDS_PER_LINE 8
#define VECTOR_BOXES          ((VECTOR_WORDS - 1) * VECTOR_BITS)
#define VECTOR_INTERVALS      4096
#define CLASSIFIER_CANDIDATES 128

struct classifier_vector_line {
	__u64 word[VECTOR_WORDS_PER_LINE];
};

/* What 16 rules say, in three lines of which a packet mostly needs the first only. A rule's number
 * is its place in its layer, lowest order first. */
#define CLASSIFIER_RULES_PER_BLOCK 16
#define CLASSIFIER_BLOCK_LINES     3
struct classifier_verdicts {
	__u32 verdict[CLASSIFIER_RULES_PER_BLOCK]; /* rule id, and VERDICT_ALLOW */
};
struct classifier_orders {
	__u32 order[CLASSIFIER_RULES_PER_BLOCK]; /* across layers, the lower one decides */
};
struct classifier_set_lines {
	__u32 line
		[CLASSIFIER_RULES_PER_BLOCK]; /* of a struct classifier_sets; 0: the rule has none */
};

#define VERDICT_ALLOW (1U << 31)

/* Search trees whose answer is 1 for values in the set; 0: no set, the box says it all. */
struct classifier_sets {
	__u32 root[CLASSIFIER_FAMILIES][CLASSIFIER_FIELDS];
	__u8 padding[24];
};

/* A field of a box holds value when (__u32)(value - low) <= span. */
struct classifier_box {
	__u32 source_low;
	__u32 source_span;
	__u32 destination_low;
	__u32 destination_span;
	__u16 source_port_low;
	__u16 source_port_span;
	__u16 destination_port_low;
	__u16 destination_port_span;
	__u32 rule; /* number, and BOX_HAS_SETS */
};

#define BOX_HAS_SETS (1U << 31) /* a match of the box is one only if the rule's sets agree */
#define BOX_NONE     (~0U)      /* in place of a rule: none; behind it come no more boxes */

#define BOXES_PER_LINE 2

/* The kinds of lines in trees, in the top bits of their header; the rest is a line number. */
#define LINE_INNER  (0U << 30) /* piece i of field lies at line number + i; see NODE_FIELD */
#define LINE_ANSWER (1U << 30) /* search: the answers are in this line */
#define LINE_MEMBER (2U << 30) /* search: the answer is whether an odd number of keys is below */
#define LINE_WIDE   (3U << 30) /* search: the answer is wide_base and the wide keys below */
#define LINE_LEAF   (3U << 30) /* tree: boxes; line number: the leaf's next line, or 0 */
#define LINE_KIND   (3U << 30)

/* Inner lines of trees of boxes name the field that they cut. */
#define NODE_FIELD_SHIFT 27
#define NODE_FIELD       (7U << NODE_FIELD_SHIFT)
#define NODE_LINE        ((1U << NODE_FIELD_SHIFT) - 1)

#define CLASSIFIER_KEYS    15
#define CLASSIFIER_ANSWERS 8
#define CLASSIFIER_WIDES   3          /* keys of whole addresses */
#define ANSWER_DEEPER      (1U << 31) /* go on at this line with the next 32 bits of the address */

/* Keys ascend. Value x belongs to the piece behind as many keys as are below x; unused keys are
 * ~0, which is below nothing. */
struct classifier_line {
	__u32 header;
	union {
		__u32 key[CLASSIFIER_KEYS];
		struct {
			__u32 answer_key[CLASSIFIER_ANSWERS - 1];
			__u32 answer[CLASSIFIER_ANSWERS];
		};
		struct {
			__u32 wide_base;
			__u32 wide_key[CLASSIFIER_WIDES][4]; /* the most significant first */
		};
		struct {
			struct {
				__u8 low;
				__u8 span;
			} protocol[BOXES_PER_LINE];
			struct classifier_box box[BOXES_PER_LINE];
		};
	};
};

/*
 * Protocols renumbered, so that what rules mean is a range: ICMP and ICMPv6 stand side by side (a
 * rule for Icmp means both), and so do TCP, UDP and SCTP (a rule that names ports means these).
 * Each changes places with the protocol that has its number. Without branches, because the verifier
 * would follow each.
 */
#define CLASSIFIER_ICMP_FIRST  1 /* ICMP */
#define CLASSIFIER_ICMP_LAST   2 /* ICMPv6 */
#define CLASSIFIER_PORTS_FIRST 6 /* TCP */
#define CLASSIFIER_PORTS_LAST  8 /* SCTP; 7 is UDP */

/* a for b and b for a. */
static inline __attribute__((always_inline)) __u64 classifier_swap(__u64 value, __u64 a, __u64 b)
{
	__u64 is_either = (((value ^ a) - 1) >> 63) | (((value ^ b) - 1) >> 63);

	return value ^ (is_either * (a ^ b));
}

static inline __attribute__((always_inline)) __u32 classifier_protocol(__u32 protocol)
{
	__u64 value = classifier_swap(protocol, 58, CLASSIFIER_ICMP_LAST);

	value = classifier_swap(value, 17, 7);
	return classifier_swap(value, 132, CLASSIFIER_PORTS_LAST);
}

_Static_assert(sizeof(struct classifier) == SLUICE_CACHE_LINE, "the head is one line");
_Static_assert(sizeof(struct classifier_view) == SLUICE_CACHE_LINE, "a view is one line");
_Static_assert(sizeof(struct classifier_vectors) == SLUICE_CACHE_LINE, "one line");
_Static_assert(sizeof(struct classifier_vector_line) == SLUICE_CACHE_LINE, "a line is one line");
_Static_assert(sizeof(struct classifier_verdicts) == SLUICE_CACHE_LINE, "a block is three lines");
_Static_assert(sizeof(struct classifier_orders) == SLUICE_CACHE_LINE, "a block is three lines");
_Static_assert(sizeof(struct classifier_set_lines) == SLUICE_CACHE_LINE, "a block is three lines");
_Static_assert(sizeof(struct classifier_sets) == SLUICE_CACHE_LINE, "a rule's sets are one line");
_Static_assert(sizeof(struct classifier_box) == 28, "two boxes to a line");
_Static_assert(sizeof(struct classifier_line) == SLUICE_CACHE_LINE, "a line is one line");

#endif
