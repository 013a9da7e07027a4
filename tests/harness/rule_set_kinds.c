/* SPDX-License-Identifier: BSD-2-Clause */
/* Draws rule sets like those of routers and firewalls, from profiles; see rule_set_profiles.h. */
#include "tests/harness/rule_set_profiles.h"

#include <stdlib.h>

static const unsigned int class_first[CLASSES] = { 0, 1, 9, 30 };
static const unsigned int class_last[CLASSES] = { 0, 8, 29, 32 };

struct prefix {
	uint32_t place;
	unsigned char length;
};

/* A side as it grows. */
struct drawn {
	const struct side *side;
	struct prefix *of_class[CLASSES]; /* of every rule so far: what is used often comes often */
	size_t used[CLASSES];
	struct prefix *any; /* every prefix once, but for the wide ones */
	size_t any_count;
	/* Every block and host, and every prefix around one: what lies inside what. */
	uint64_t *known;
	size_t known_mask;
};

static bool chance(struct random *random, unsigned int thousandths)
{
	return random_below(random, 1000) < thousandths;
}

static uint32_t cut(uint32_t place, unsigned int length)
{
	return length ? place >> (32 - length) << (32 - length) : 0;
}

/* --- what lies inside what --- */

#define KNOWN_PREFIX 1 /* it was drawn */
#define KNOWN_AROUND 2 /* something inside it was drawn */

/* The slot of a prefix: its own, or the empty one that it would get. */
static uint64_t *slot_of(const struct drawn *drawn, uint32_t place, unsigned int length)
{
	uint64_t key = (uint64_t)cut(place, length) << 8 | length;
	struct random hash = { key };
	size_t at = random_next(&hash) & drawn->known_mask;

	while (drawn->known[at] && drawn->known[at] >> 2 != key)
		at = (at + 1) & drawn->known_mask;
	return &drawn->known[at];
}

static uint64_t known(const struct drawn *drawn, uint32_t place, unsigned int length)
{
	return *slot_of(drawn, place, length);
}

static void set_known(struct drawn *drawn, uint32_t place, unsigned int length, uint64_t what)
{
	*slot_of(drawn, place, length) |= ((uint64_t)cut(place, length) << 8 | length) << 2 | what;
}

static void remember(struct drawn *drawn, struct prefix prefix)
{
	set_known(drawn, prefix.place, prefix.length, KNOWN_PREFIX);
	for (unsigned int length = class_first[CLASS_BLOCK]; length < prefix.length; length++)
		set_known(drawn, prefix.place, length, KNOWN_AROUND);
	drawn->any[drawn->any_count++] = prefix;
}

/* Whether a prefix lies inside another block or around one. */
static bool is_nested(const struct drawn *drawn, struct prefix prefix)
{
	bool nested = known(drawn, prefix.place, prefix.length) & KNOWN_AROUND;

	for (unsigned int length = class_first[CLASS_BLOCK]; length < prefix.length; length++)
		nested |= known(drawn, prefix.place, length) & KNOWN_PREFIX;
	return nested;
}

static bool is_known(const struct drawn *drawn, struct prefix prefix)
{
	return known(drawn, prefix.place, prefix.length) & KNOWN_PREFIX;
}

/* --- drawing --- */

static unsigned int draw_length(const struct side *side, enum prefix_class class,
				struct random *random)
{
	unsigned int first = class_first[class], last = class_last[class], sum = 0, drawn;

	for (unsigned int length = first; length <= last; length++)
		sum += side->length[length];
	drawn = random_below(random, sum);
	for (unsigned int length = first; length < last; length++) {
		if (drawn < side->length[length])
			return length;
		drawn -= side->length[length];
	}
	return last;
}

static uint32_t draw_place(const struct drawn *drawn, struct random *random)
{
	const struct side *side = drawn->side;
	uint32_t place = (uint32_t)random_next(random);
	const struct prefix *near;
	unsigned int kept;

	if (!drawn->any_count)
		return place;
	near = &drawn->any[random_below(random, (unsigned int)drawn->any_count)];
	if (!chance(random, side->new_net))
		kept = near->length < 24 ? near->length : 24;
	else if (!chance(random, side->new_region))
		kept = near->length < 16 ? near->length : 16;
	else
		return place;
	return cut(near->place, kept) | place >> kept;
}

#define TRIES 24

/* A prefix that was not there before, nested among those or not as the side's share wants it. Where
 * chance does not bring one, the last one stands. */
static struct prefix new_prefix(struct drawn *drawn, enum prefix_class class, struct random *random)
{
	bool nested = chance(random, drawn->side->nested);
	struct prefix prefix;

	for (int i = 0; i < TRIES; i++) {
		uint32_t place = class == CLASS_WIDE ? (uint32_t)random_next(random)
						     : draw_place(drawn, random);

		prefix.length = (unsigned char)draw_length(drawn->side, class, random);
		prefix.place = cut(place, prefix.length);
		if (class == CLASS_WIDE)
			return prefix;
		if (!is_known(drawn, prefix) && is_nested(drawn, prefix) == nested)
			break;
	}
	if (!is_known(drawn, prefix))
		remember(drawn, prefix);
	return prefix;
}

static struct prefix draw_prefix(struct drawn *drawn, enum prefix_class class,
				 struct random *random)
{
	struct prefix prefix = { 0, 0 };

	if (class == CLASS_ANY)
		return prefix;
	if (drawn->used[class] && !chance(random, drawn->side->new_prefix[class])) {
		prefix = drawn->of_class[class]
					[random_below(random, (unsigned int)drawn->used[class])];
	} else {
		prefix = new_prefix(drawn, class, random);
	}
	drawn->of_class[class][drawn->used[class]++] = prefix;
	return prefix;
}

static const struct service *draw_service(const struct profile *profile, struct random *random)
{
	unsigned int sum = 0, drawn;
	int i = 0;

	for (int k = 0; k < SERVICES; k++)
		sum += profile->service[k].weight;
	drawn = random_below(random, sum);
	for (; drawn >= profile->service[i].weight; i++)
		drawn -= profile->service[i].weight;
	return &profile->service[i];
}

/* Which of `count` it is: the first ones come most often. */
static unsigned int draw_popular(unsigned int count, struct random *random)
{
	double part = (double)(random_next(random) >> 11) / (double)(1ULL << 53);

	return (unsigned int)(part * part * count);
}

static struct sluice_port_range draw_ports(const struct profile *profile, enum port_class class,
					   uint64_t seed, struct random *random)
{
	static const __u16 known[] = { 80, 22, 25, 53, 123, 443, 1433, 161, 69, 514, 1521, 21 };
	struct random fixed = { seed };
	unsigned int which, first;

	switch (class) {
	case PORTS_ONE:
		which = draw_popular(profile->single_ports, random);
		fixed.state += which;
		first = which < 12 ? known[which] : 1 + random_below(&fixed, 40000);
		return (struct sluice_port_range){ (__u16)first, (__u16)first };
	case PORTS_SOME:
		fixed.state -= draw_popular(profile->port_ranges, random);
		first = 20 + random_below(&fixed, 40000);
		return (struct sluice_port_range){ (__u16)first,
						   (__u16)(first + 1 + random_below(&fixed, 100)) };
	default:
		return (struct sluice_port_range){ 1024, 65535 };
	}
}

static void draw_classes(const struct profile *profile, enum prefix_class classes[2],
			 struct random *random)
{
	unsigned int sum = 0, drawn;
	int i = 0;

	for (int k = 0; k < CLASSES * CLASSES; k++)
		sum += profile->classes[k / CLASSES][k % CLASSES];
	drawn = random_below(random, sum);
	for (; drawn >= profile->classes[i / CLASSES][i % CLASSES]; i++)
		drawn -= profile->classes[i / CLASSES][i % CLASSES];
	classes[0] = (enum prefix_class)(i / CLASSES);
	classes[1] = (enum prefix_class)(i % CLASSES);
}

static void fill_service(struct rule_set *set, struct classifier_rule *rule,
			 const struct profile *profile, struct random *random)
{
	const struct service *service = draw_service(profile, random);
	struct sluice_port_range ports;

	rule->protocol = service->protocol;
	if (service->source != PORTS_ANY) {
		ports = draw_ports(profile, service->source, ~set->seed, random);
		rule_set_source_ports(set, rule, ports.first, ports.last);
	}
	if (service->destination != PORTS_ANY) {
		ports = draw_ports(profile, service->destination, set->seed, random);
		rule_set_destination_ports(set, rule, ports.first, ports.last);
	}
}

static void drawn_open(struct drawn *drawn, const struct side *side, size_t count)
{
	size_t room = 64;

	while (room < 32 * count)
		room *= 2;
	*drawn = (struct drawn){ .side = side,
				 .any = calloc(count, sizeof(*drawn->any)),
				 .known = calloc(room, sizeof(*drawn->known)),
				 .known_mask = room - 1 };
	for (int class = 0; class < CLASSES; class ++) {
		drawn->of_class[class] = calloc(count, sizeof(*drawn->any));
		if (!drawn->of_class[class] || !drawn->any || !drawn->known)
			abort();
	}
}

static void drawn_close(struct drawn *drawn)
{
	for (int class = 0; class < CLASSES; class ++)
		free(drawn->of_class[class]);
	free(drawn->any);
	free(drawn->known);
}

/* A rule, and how special its addresses are. */
struct placed {
	struct classifier_rule rule;
	struct prefix pair[2];
	unsigned int weight;
	size_t number;
};

/* Whoever writes such lists puts what is more special first, by and large: else it would say
 * nothing. */
static int compare_placed(const void *a, const void *b)
{
	const struct placed *left = a, *right = b;

	if (left->weight != right->weight)
		return left->weight < right->weight ? 1 : -1;
	return left->number < right->number ? -1 : 1;
}

static void draw_rule(struct rule_set *set, const struct profile *profile, struct drawn drawn[2],
		      struct placed *placed, size_t number, struct random *random)
{
	struct placed *own = &placed[number];
	bool again = number && chance(random, profile->same_pair);
	const struct placed *earlier = &placed[random_below(random, (unsigned int)number)];
	enum prefix_class classes[2];

	own->rule = set->rule[number];
	own->number = number;
	draw_classes(profile, classes, random);
	for (int side = 0; side < 2; side++)
		own->pair[side] = again ? earlier->pair[side]
					: draw_prefix(&drawn[side], classes[side], random);
	if (own->pair[0].length)
		rule_set_source(set, &own->rule,
				rule_set_prefix(set, own->pair[0].place, own->pair[0].length));
	if (own->pair[1].length)
		rule_set_destination(set, &own->rule,
				     rule_set_prefix(set, own->pair[1].place, own->pair[1].length));
	fill_service(set, &own->rule, profile, random);
	own->weight = 2 * (own->pair[0].length + own->pair[1].length) + random_below(random, 9);
}

void rule_set_draw_like(struct rule_set *set, struct random *random)
{
	const struct profile *profile = &rule_set_profiles[set->kind];
	struct placed *placed = calloc(set->count + 1, sizeof(*placed));
	struct drawn drawn[2];

	if (!placed)
		abort();
	for (int side = 0; side < 2; side++)
		drawn_open(&drawn[side], &profile->side[side], set->count + 1);
	for (size_t i = 0; i < set->count; i++)
		draw_rule(set, profile, drawn, placed, i, random);
	qsort(placed, set->count, sizeof(*placed), compare_placed);
	for (size_t i = 0; i < set->count; i++)
		set->rule[i] = placed[i].rule;
	for (int side = 0; side < 2; side++)
		drawn_close(&drawn[side]);
	free(placed);
}
