/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and ages what the programs keep, and says what a test found instead of what it expected. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/sluice.skel.h"
#include "loader/switch.h"
#include "maps/fragment.h"
#include "tests/harness/bpf_switch.h"

/* Sums a per-CPU element made of 64-bit counters. */
static void sum_cpus(const struct bpf_switch *sw, const struct bpf_map *map, __u32 key, void *sum,
		     size_t size)
{
	__u64 *all = calloc((size_t)sw->cpus, size), *total = sum;

	assert_non_null(all);
	memset(sum, 0, size);
	if (bpf_map_lookup_elem(bpf_map__fd(map), &key, all))
		fail_msg("%s[%u]: %s", bpf_map__name(map), key, strerror(errno));
	for (size_t i = 0; i < (size_t)sw->cpus * size / 8; i++)
		total[i % (size / 8)] += all[i];
	free(all);
}

struct port_counters counters_of(const struct bpf_switch *sw, __u32 slot)
{
	struct port_counters counters;

	sum_cpus(sw, sw->skeleton->maps.port_counters, slot, &counters, sizeof(counters));
	return counters;
}

static void settle(const struct bpf_switch *sw)
{
	struct sluice open = { .flow_buckets = sw->flow_buckets };
	struct sluice_error error;

	open.program.sluice_settle = bpf_program__fd(sw->skeleton->progs.sluice_settle);
	if (flows_settle(&open, &error))
		fail_msg("%s", error.message);
}

struct rule_counters rule_counters_of(const struct bpf_switch *sw, const char *key)
{
	struct rule_counters counters;
	__u32 rule = bpf_switch_rule(sw, key);

	if (!rule)
		fail_msg("there is no rule %s", key);
	settle(sw);
	sum_cpus(sw, sw->skeleton->maps.rule_counters, rule, &counters, sizeof(counters));
	return counters;
}

static struct flow *flow_at(const struct bpf_switch *sw, size_t index)
{
	return &sw->flows[index / FLOWS_PER_BUCKET].way[index % FLOWS_PER_BUCKET];
}

static struct flow_detail *detail_at(const struct bpf_switch *sw, size_t index)
{
	return &sw->flow_details[index / FLOWS_PER_BUCKET].way[index % FLOWS_PER_BUCKET];
}

static __u8 flow_tag(const struct bpf_switch *sw, size_t index)
{
	return sw->flow_tags[index / FLOWS_PER_BUCKET] >> index % FLOWS_PER_BUCKET * 8;
}

static size_t flow_capacity(const struct bpf_switch *sw)
{
	return (size_t)sw->flow_buckets * FLOWS_PER_BUCKET;
}

size_t flow_count(const struct bpf_switch *sw)
{
	size_t count = 0;

	for (size_t i = 0; i < flow_capacity(sw); i++)
		count += flow_at(sw, i)->state != FLOW_FREE;
	return count;
}

static bool flow_seen(const struct bpf_switch *sw, size_t index, struct sluice_flow *flow)
{
	__u32 claim;

	return flow_at(sw, index)->state != FLOW_FREE &&
	       flow_copy(flow_at(sw, index), detail_at(sw, index), flow, &claim);
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct flow_key));
}

struct sluice_flow *flow_entries(const struct bpf_switch *sw, size_t *count)
{
	size_t capacity = flow_capacity(sw);
	struct sluice_flow *entries = calloc(capacity, sizeof(*entries));

	assert_non_null(entries);
	*count = 0;
	for (size_t i = 0; i < capacity; i++) {
		assert_int_equal(flow_at(sw, i)->claim & 1, 0);
		assert_int_equal(!flow_tag(sw, i), flow_at(sw, i)->state == FLOW_FREE);
		*count += flow_seen(sw, i, &entries[*count]);
	}
	assert_int_equal(*count, flow_count(sw));
	qsort(entries, *count, sizeof(*entries), compare_keys);
	for (size_t i = 1; i < *count; i++)
		if (!compare_keys(&entries[i - 1], &entries[i]))
			fail_msg("one key has two entries");
	return entries;
}

void expect_flow_usage(const struct bpf_switch *sw, const struct sluice_flow *entries, size_t count)
{
	__u64 owned[BPF_SWITCH_SLOTS] = { 0 };

	for (size_t i = 0; i < count; i++)
		owned[entries[i].slot[entries[i].originator]]++;
	for (__u32 slot = 0; slot < BPF_SWITCH_SLOTS; slot++)
		assert_int_equal(owned[slot], sw->flow_usage[slot]);
}

struct ip_address address_from(const char *text)
{
	struct ip_address address = { .words = { 0, 0, htonl(0xffff), 0 } };

	if (inet_pton(AF_INET, text, &address.words[3]) != 1 &&
	    inet_pton(AF_INET6, text, address.bytes) != 1)
		fail_msg("%s is no address", text);
	return address;
}

const struct known_flow *known_between(struct bpf_switch *sw, const struct actor *a,
				       const struct actor *b, int family)
{
	struct ip_address first = address_from(address_of(a, family));
	struct ip_address second = address_from(address_of(b, family));
	__u32 slot = bpf_switch_slot(sw, a->name);
	const struct known_flow *found = NULL;

	for (size_t i = 0; i < flow_capacity(sw); i++) {
		struct sluice_flow flow;
		int end;

		if (!flow_seen(sw, i, &flow))
			continue;
		end = memcmp(&flow.key.address[0], &first, sizeof(first)) ? 1 : 0;
		if (flow.slot[end] != slot ||
		    memcmp(&flow.key.address[end], &first, sizeof(first)) ||
		    memcmp(&flow.key.address[!end], &second, sizeof(second)))
			continue;
		if (found)
			fail_msg("%s and %s have more than one flow", a->name, b->name);
		sw->known = (struct known_flow){ flow_at(sw, i), detail_at(sw, i), flow };
		found = &sw->known;
	}
	return found;
}

const struct sluice_flow *flow_between(struct bpf_switch *sw, const struct actor *a,
				       const struct actor *b, int family)
{
	const struct known_flow *known = known_between(sw, a, b, family);

	return known ? &known->now : NULL;
}

void flows_age(struct bpf_switch *sw, unsigned int seconds)
{
	for (size_t i = 0; i < flow_capacity(sw); i++)
		if (flow_at(sw, i)->state != FLOW_FREE)
			flow_at(sw, i)->last_seen -= seconds * FLOW_TICKS_PER_SECOND;
}

void flows_clear(struct bpf_switch *sw)
{
	static const struct fragment nothing;
	int map = bpf_map__fd(sw->skeleton->maps.fragments);

	memset(sw->flows, 0, flow_capacity(sw) * sizeof(struct flow));
	memset(sw->flow_tags, 0, sw->flow_buckets * sizeof(*sw->flow_tags));
	memset(sw->flow_usage, 0, BPF_SWITCH_SLOTS * sizeof(*sw->flow_usage));
	for (__u32 i = 0; i < BPF_SWITCH_SLOTS * FRAGMENTS_PER_PORT; i++)
		if (bpf_map_update_elem(map, &i, &nothing, 0))
			fail_msg("fragments[%u]: %s", i, strerror(errno));
}

/* --- what a test found ------------------------------------------------------------------- */

const char *reason_name(enum drop_reason reason)
{
	static const char *const names[] = { "none",
#define X(identifier, name, stage, text) name,
					     DROP_REASONS(X)
#undef X
	};

	return reason < DROP_REASON_COUNT ? names[reason] : "?";
}

static void print_frame(const char *what, const struct frame *frame)
{
	print_error("%s, %zu bytes:", what, frame->length);
	for (size_t i = 0; i < frame->length; i++)
		print_error("%s%02x", i % 16 ? " " : "\n  ", frame->bytes[i]);
	print_error("\n");
}

static void found(struct outcome outcome, const char *expected, const char *file, int line)
{
	print_error("%s:%d: expected %s, but it was %s (reason %s, slot %u)\n", file, line,
		    expected,
		    outcome.reason      ? "dropped"
		    : outcome.answered  ? "answered"
		    : outcome.delivered ? "delivered"
					: "neither delivered, answered nor dropped",
		    reason_name(outcome.reason), outcome.slot);
	print_frame("received", &outcome.in);
	if (outcome.out.length)
		print_frame("sent", &outcome.out);
	_fail(file, line);
}

void check_delivered(struct bpf_switch *sw, struct outcome outcome, const struct actor *to,
		     const char *file, int line)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "delivery to %s (slot %u)", to->name,
		 bpf_switch_slot(sw, to->name));
	if (!outcome.delivered || outcome.slot != bpf_switch_slot(sw, to->name))
		found(outcome, expected, file, line);
	if (!checksums_right(&outcome.out))
		found(outcome, "right checksums", file, line);
	if (!outcome.counted_once)
		found(outcome, "its count in rx and tx", file, line);
}

void check_dropped(struct outcome outcome, enum drop_reason reason, const char *file, int line)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "a drop for %s", reason_name(reason));
	if (outcome.reason != reason)
		found(outcome, expected, file, line);
	if (!outcome.counted_once)
		found(outcome, "its count in rx and drops", file, line);
}

void check_answered(struct outcome outcome, const char *file, int line)
{
	if (!outcome.answered)
		found(outcome, "an answer", file, line);
	if (!checksums_right(&outcome.out))
		found(outcome, "right checksums", file, line);
	if (!outcome.counted_once)
		found(outcome, "its count in rx and tx", file, line);
}

void check_frame(struct frame got, struct frame expected, const char *file, int line)
{
	if (got.length == expected.length && !memcmp(got.bytes, expected.bytes, got.length))
		return;
	print_frame("expected", &expected);
	print_frame("got", &got);
	for (size_t i = 0; i < got.length && i < expected.length; i++) {
		if (got.bytes[i] != expected.bytes[i]) {
			print_error("the first difference is at byte %zu\n", i);
			break;
		}
	}
	_fail(file, line);
}
