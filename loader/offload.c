/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handing established flows over to NICs in switchdev mode.
 *
 * One look reads back what devices carried (loader/offload_read.c), takes back what they may not
 * carry any more, and hands over what has become established since. Each rule stands for a verdict of
 * the running version: whoever makes another version run takes all of them back before
 * (offload_withdraw), under the lock that a look needs too. What a device refuses stays with our
 * programs, with the device's reason in `offloads`, and is asked again half a minute later.
 */
#include "loader/offload.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "loader/attach.h"

/* So many directions are asked for in one look: others wait for the lock meanwhile. */
#define ASKED_A_LOOK 1024

struct look {
	const struct sluice_offloads *offloads;
	struct sluice_offload_look *done;
	size_t asked;
	int result;
	struct sluice_error *error;
};

static bool devices_there(const struct look *look, const struct sluice_flow *flow)
{
	const struct sluice_offloads *offloads = look->offloads;

	for (int end = 0; end < 2; end++)
		if (!offload_device_there(offloads->sw, flow->slot[end],
					  offloads->ports[flow->slot[end]].ifindex))
			return false;
	return true;
}

/* All rules or none. */
static int add_rules(const struct look *look, const struct flower_rule *rules, size_t count,
		     struct sluice_error *said)
{
	int result = clsact_prepare(look->offloads->sw, rules[0].in, said);
	size_t added = 0;

	while (!result && added < count) {
		result = flower_add(&rules[added], said);
		added += !result;
	}
	while (result && added--)
		flower_remove(rules[added].in, rules[added].ipv6, flower_handle(&rules[added]));
	return result;
}

static void remove_rules(const struct flower_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		flower_remove(rules[i].in, rules[i].ipv6, flower_handle(&rules[i]));
}

/* Notes what came of it. Without room for a note, nothing is handed over. */
static int note(struct look *look, const struct flower_rule *rules, size_t count, int refused,
		const struct sluice_error *said)
{
	const struct sluice *sw = look->offloads->sw;
	const struct flower_cookie *cookie = &rules[0].cookie;
	struct offload offload = { .claim = cookie->claim,
				   .version = cookie->version,
				   .ifindex = rules[0].in };
	struct carried carried = { .place = cookie->key >> 1,
				   .direction = cookie->key & 1,
				   .claim = cookie->claim,
				   .goes_on = true };

	if (refused) {
		offload.refused = flow_tick() ?: 1;
		snprintf(offload.why, sizeof(offload.why), "%.95s", said->message);
	}
	if (bpf_map_update_elem(sw->map.offloads, &cookie->key, &offload, BPF_ANY)) {
		if (!refused)
			remove_rules(rules, count);
		return 0;
	}
	*(refused ? &look->done->refused : &look->done->handed) += 1;
	return refused ? 0 : offload_count(sw, &carried, look->error);
}

static void hand_over(struct look *look, const struct sluice_flow *flow, int direction)
{
	__u32 key = flow->place << 1 | (__u32)direction;
	struct flower_rule rules[FLOWER_RULES];
	struct sluice_error said = { 0 };
	struct offload known;
	size_t count;
	int result;

	if (look->asked >= ASKED_A_LOOK ||
	    offload_rules(look->offloads, flow, direction, rules, &count) ||
	    !bpf_map_lookup_elem(look->offloads->sw->map.offloads, &key, &known) ||
	    !devices_there(look, flow))
		return;
	look->asked++;
	result = add_rules(look, rules, count, &said);
	/* A device that went meanwhile takes its ifindex with it, and what was bound to that. */
	if (!result && !devices_there(look, flow)) {
		remove_rules(rules, count);
		return;
	}
	result = note(look, rules, count, result, &said);
	if (result < 0)
		look->result = result;
}

/* A look at the line tells of nearly all flows that there is nothing to do. */
static bool may_go(const struct look *look, const struct flow *line)
{
	const struct sluice_offloads *offloads = look->offloads;

	if (line->state != FLOW_ESTABLISHED && line->state != FLOW_UDP)
		return false;
	for (int end = 0; end < 2; end++)
		if (line->slot[end] >= offloads->port_count ||
		    !offloads->ports[line->slot[end]].offload)
			return false;
	return line->version == offloads->root->version;
}

static void hand_over_all(struct look *look)
{
	const struct sluice *sw = look->offloads->sw;
	struct sluice_flow flow;
	__u32 claim;

	for (__u32 bucket = 0; bucket < sw->flow_buckets && !look->result; bucket++)
		for (int way = 0; way < FLOWS_PER_BUCKET && !look->result; way++) {
			const struct flow *line = &sw->flows[bucket].way[way];

			if (!may_go(look, line) ||
			    !flow_copy(line, &sw->flow_details[bucket].way[way], &flow, &claim))
				continue;
			hand_over(look, &flow, 0);
			hand_over(look, &flow, 1);
		}
}

int sluice_offload_look_once(struct sluice *sw, struct sluice_offload_look *done,
			     struct sluice_error *error)
{
	struct look look = { .done = done, .error = error };
	struct sluice_offloads *offloads;
	int result;

	*done = (struct sluice_offload_look){ 0 };
	if (sw->lock_fd < 0)
		return sluice_error_set(error, -EINVAL, "handing over needs the switch's lock");
	if (!offload_wanted(sw))
		return 0;
	result = sluice_offloads_open(sw, &offloads, error);
	if (result)
		return result;
	look.offloads = offloads;
	result = offload_read_back(offloads, &done->carried, &done->returned, error);
	if (!result) {
		hand_over_all(&look);
		result = look.result;
	}
	done->carried += done->handed;
	sluice_offloads_close(offloads);
	return result;
}
