/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads compiled tables; see walk.h. */
#include "tests/harness/walk.h"

#include <endian.h>
#include <string.h>

static const struct classifier_line *line_at(const struct table_line *lines, __u32 line)
{
	return (const void *)&lines[line];
}

static __u32 keys_below(const __u32 *keys, int count, __u32 value)
{
	__u32 below = 0;

	for (int i = 0; i < count; i++)
		below += keys[i] < value;
	return below;
}

static __u32 wide_keys_below(const struct classifier_line *line, const __u32 words[4])
{
	__u32 below = 0;

	for (int i = 0; i < CLASSIFIER_WIDES; i++) {
		int j = 0;

		while (j < 3 && line->wide_key[i][j] == words[j])
			j++;
		below += line->wide_key[i][j] < words[j];
	}
	return below;
}

/* The answer of a search tree for words of an address, the first of them most significant. */
static __u32 search(const struct table_line *lines, __u32 root, const __u32 *words, __u32 *steps)
{
	const struct classifier_line *line = line_at(lines, root);
	const __u32 *word = words;

	for (;;) {
		__u32 keys = keys_below(line->key, CLASSIFIER_KEYS, *word), answer;

		++*steps;
		switch (line->header & LINE_KIND) {
		case LINE_INNER:
			line = line_at(lines, line->header + keys);
			continue;
		case LINE_MEMBER:
			return (line->header + keys) & 1;
		case LINE_WIDE:
			return line->wide_base + wide_keys_below(line, words);
		}
		answer = line->answer[keys_below(line->answer_key, CLASSIFIER_ANSWERS - 1, *word)];
		if (!(answer & ANSWER_DEEPER))
			return answer;
		line = line_at(lines, answer & ~ANSWER_DEEPER);
		word++;
	}
}

static __u32 address_value(const struct table_line *lines, const struct ip_address *address,
			   __u32 map, __u32 *steps)
{
	__u32 words[4];

	for (int i = 0; i < 4; i++)
		words[i] = be32toh(address->words[i]);
	return map ? search(lines, map, words, steps) : words[3];
}

/* A packet in a layer. */
struct walk {
	const struct table_line *lines;
	const struct classifier_view *view;
	enum classifier_family family;
	__u32 value[CLASSIFIER_FIELDS];
	__u32 best; /* number of a rule */
	__u32 steps;
};

/* One of the three words that a block says of a rule. */
static __u32 word_of_rule(const struct walk *walk, __u32 rule, __u32 which)
{
	__u32 block = rule / CLASSIFIER_RULES_PER_BLOCK;
	__u32 line = walk->view->blocks + block * CLASSIFIER_BLOCK_LINES + which;
	const struct classifier_verdicts *words = (const void *)&walk->lines[line];

	return words->verdict[rule % CLASSIFIER_RULES_PER_BLOCK];
}

static __u32 verdict_of(const struct walk *walk, __u32 rule)
{
	return word_of_rule(walk, rule, 0);
}

static __u32 order_of(const struct walk *walk, __u32 rule)
{
	return word_of_rule(walk, rule, 1);
}

static bool box_holds(const struct walk *walk, const struct classifier_line *leaf, int place)
{
	const struct classifier_box *box = &leaf->box[place];
	const __u32 *value = walk->value;

	return value[FIELD_SOURCE] - box->source_low <= box->source_span &&
	       value[FIELD_DESTINATION] - box->destination_low <= box->destination_span &&
	       value[FIELD_SOURCE_PORT] - box->source_port_low <= box->source_port_span &&
	       value[FIELD_DESTINATION_PORT] - box->destination_port_low <=
		       box->destination_port_span &&
	       value[FIELD_PROTOCOL] - leaf->protocol[place].low <= leaf->protocol[place].span;
}

static bool sets_agree(struct walk *walk, __u32 rule)
{
	const struct classifier_sets *sets =
		(const void *)&walk->lines[word_of_rule(walk, rule, 2)];

	walk->steps++;
	for (int field = 0; field < CLASSIFIER_FIELDS; field++) {
		__u32 root = sets->root[walk->family][field];

		if (root && !search(walk->lines, root, &walk->value[field], &walk->steps))
			return false;
	}
	return true;
}

/* True: the leaf's line decided, or no box of the leaf can any more. */
static bool walk_boxes(struct walk *walk, const struct classifier_line *leaf)
{
	for (int place = 0; place < BOXES_PER_LINE; place++) {
		__u32 rule = leaf->box[place].rule;

		if (rule == BOX_NONE || (rule & ~BOX_HAS_SETS) > walk->best)
			return true;
		if (!box_holds(walk, leaf, place))
			continue;
		if (rule & BOX_HAS_SETS && !sets_agree(walk, rule & ~BOX_HAS_SETS))
			continue;
		walk->best = rule & ~BOX_HAS_SETS;
		return true;
	}
	return !(leaf->header & ~LINE_KIND);
}

static void walk_tree(struct walk *walk, __u32 root)
{
	const struct classifier_line *line = line_at(walk->lines, root);

	for (walk->steps++; (line->header & LINE_KIND) == LINE_INNER; walk->steps++) {
		__u32 value = walk->value[(line->header & NODE_FIELD) >> NODE_FIELD_SHIFT];

		line = line_at(walk->lines, (line->header & NODE_LINE) +
						    keys_below(line->key, CLASSIFIER_KEYS, value));
	}
	for (; !walk_boxes(walk, line); walk->steps++)
		line = line_at(walk->lines, line->header & ~LINE_KIND);
}

/* Every box whose bit all five vectors have, in their order. */
static void walk_vectors(struct walk *walk, __u32 root)
{
	const struct classifier_vectors *vectors = (const void *)&walk->lines[root];
	const __u64 *vector[CLASSIFIER_FIELDS];

	walk->steps++;
	for (int field = 0; field < CLASSIFIER_FIELDS; field++) {
		__u32 line = search(walk->lines, vectors->root[field], &walk->value[field],
				    &walk->steps);

		vector[field] = (const void *)&walk->lines[line];
		walk->steps++;
	}
	for (__u32 box = 0; box < VECTOR_BOXES; box++) {
		const struct classifier_line *leaf =
			line_at(walk->lines, vectors->boxes + box / BOXES_PER_LINE);
		__u32 place = box % BOXES_PER_LINE, word = 1 + box / VECTOR_BITS;
		__u64 bits = ~0ULL, words = ~0ULL;

		for (int field = 0; field < CLASSIFIER_FIELDS; field++)
			words &= vector[field][0];
		for (int field = 0; field < CLASSIFIER_FIELDS && words >> word & 1; field++)
			bits &= vector[field][word];
		if (!(words >> word & 1) || !(bits >> box % VECTOR_BITS & 1))
			continue;
		walk->steps++;
		if (!box_holds(walk, leaf, (int)place) ||
		    (leaf->box[place].rule & BOX_HAS_SETS &&
		     !sets_agree(walk, leaf->box[place].rule & ~BOX_HAS_SETS)))
			continue;
		if ((leaf->box[place].rule & ~BOX_HAS_SETS) < walk->best)
			walk->best = leaf->box[place].rule & ~BOX_HAS_SETS;
		return;
	}
}

static void walk_part(struct walk *walk, __u32 root)
{
	if (root & PART_VECTORS)
		walk_vectors(walk, root & ~PART_VECTORS);
	else
		walk_tree(walk, root);
}

static void walk_point(struct walk *walk, const struct reference_tuple *tuple)
{
	__u32 *value = walk->value;

	value[FIELD_SOURCE] =
		address_value(walk->lines, &tuple->source, walk->view->map[0], &walk->steps);
	value[FIELD_DESTINATION] =
		address_value(walk->lines, &tuple->destination, walk->view->map[1], &walk->steps);
	value[FIELD_SOURCE_PORT] = tuple->source_port;
	value[FIELD_DESTINATION_PORT] = tuple->destination_port;
	value[FIELD_PROTOCOL] = classifier_protocol(tuple->protocol);
	if (value[FIELD_PROTOCOL] <= CLASSIFIER_ICMP_LAST)
		value[FIELD_DESTINATION_PORT] = tuple->icmp_type << 8 | tuple->icmp_code;
}

void walk_classify(const struct table_line *lines, __u32 line, const struct reference_tuple *tuple,
		   struct walk_verdict *verdict)
{
	const struct classifier *head = (const void *)&lines[line];
	const struct classifier_view *views = (const void *)&lines[line + 1];
	struct walk walk = { .lines = lines };
	__u32 order = ~0U;

	*verdict = (struct walk_verdict){ .access = ACCESS_ALLOW };
	if (!line)
		return;
	verdict->access = head->miss_access;
	walk.family = reference_is_ipv4(&tuple->source) ? FAMILY_IPV4 : FAMILY_IPV6;
	for (__u32 layer = 0; layer < head->layer_count; layer++) {
		walk.view = &views[layer * CLASSIFIER_FAMILIES + walk.family];
		walk.best = ~0U;
		walk_point(&walk, tuple);
		for (__u32 i = 0; i < walk.view->part_count; i++)
			if (walk.view->part[i].first_rule < walk.best)
				walk_part(&walk, walk.view->part[i].root);
		if (walk.best != ~0U && order_of(&walk, walk.best) < order) {
			order = order_of(&walk, walk.best);
			verdict->rule = verdict_of(&walk, walk.best) & ~VERDICT_ALLOW;
			verdict->access = verdict_of(&walk, walk.best) & VERDICT_ALLOW
						  ? ACCESS_ALLOW
						  : ACCESS_DENY;
		}
	}
	verdict->steps = walk.steps;
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

__u32 walk_route(const struct table_line *lines, __u32 root, const struct ip_address *address)
{
	__u64 high = be64toh(address->halves[0]), low = be64toh(address->halves[1]);
	__u32 next = root | ROUTE_DEEPER;

	for (int depth = 0; depth < ROUTE_DEPTH && next & ROUTE_DEEPER; depth++) {
		const struct route_line *line = (const void *)&lines[next & ~ROUTE_DEEPER];
		int piece = 0;

		while (piece < ROUTE_KEYS && (line->key[piece][0] < high ||
					      (line->key[piece][0] == high &&
					       line->key[piece][1] <= low)))
			piece++;
		next = line->piece[piece];
	}
	return next & ROUTE_DEEPER ? ~0U : next;
}
