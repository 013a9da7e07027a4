// SPDX-License-Identifier: BSD-2-Clause
/*
 * The flow table as user space sees it: reading entries under the packets' hands, and forgetting
 * them by the claim that the programs use themselves (maps/flow.h).
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "loader/switch.h"

static const unsigned int idle_seconds_allowed[FLOW_STATE_COUNT] = {
#define X(identifier, name, seconds, text) [FLOW_##identifier] = seconds,
	FLOW_STATES(X)
#undef X
};

/* The programs' clock, bpf_ktime_get_coarse_ns(), in ticks. */
static __u32 tick_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (__u32)((now.tv_sec * 1000000000ULL + now.tv_nsec) >> FLOW_TICK_SHIFT);
}

static __u32 ticks_idle(const struct flow *flow, __u32 now)
{
	__s32 idle = (__s32)(now - flow->last_seen);

	return idle < 0 ? 0 : idle; /* seen after the clock was read */
}

static bool flow_live(const struct flow *flow, __u32 now)
{
	if (flow->state == FLOW_FREE || flow->state >= FLOW_STATE_COUNT)
		return false;
	return ticks_idle(flow, now) <= idle_seconds_allowed[flow->state] * FLOW_TICKS_PER_SECOND;
}

/* A consistent copy of an entry; false when a program kept rewriting it. */
static bool flow_copy(const struct flow *entry, struct flow *copy)
{
	for (int attempt = 0; attempt < 100; attempt++) {
		__u32 claim = __atomic_load_n(&entry->claim, __ATOMIC_ACQUIRE);

		if (claim & 1)
			continue;
		memcpy(copy, entry, sizeof(*copy));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&entry->claim, __ATOMIC_RELAXED) == claim) {
			copy->claim = claim;
			return true;
		}
	}
	return false;
}

static bool flow_of_slot(const struct flow *flow, int slot)
{
	return !slot || flow->slot[0] == slot || flow->slot[1] == slot;
}

int sluice_flows(struct sluice *sw, const char *port, sluice_flow_visitor visit, void *context,
		 struct sluice_error *error)
{
	int slot = port ? sluice_port_slot(sw, port, error) : 0;
	__u32 now = tick_now();
	struct flow flow;

	if (slot < 0)
		return slot;
	for (__u32 bucket = 0; bucket < sw->flow_buckets; bucket++)
		for (int way = 0; way < FLOWS_PER_BUCKET; way++) {
			const struct flow *entry = &sw->flows[bucket].way[way];
			int stop;

			if (entry->state == FLOW_FREE || !flow_copy(entry, &flow) ||
			    !flow_live(&flow, now) || !flow_of_slot(&flow, slot))
				continue;
			stop = visit(&flow, ticks_idle(&flow, now) / FLOW_TICKS_PER_SECOND,
				     context);
			if (stop)
				return stop;
		}
	return 0;
}

/* Frees an entry if it is still the one that was copied, and gives its owner the quota back. */
static bool flow_forget(struct sluice *sw, struct flow *entry, const struct flow *copy)
{
	__u32 claim = copy->claim;
	__u16 owner = 0;

	if (!__atomic_compare_exchange_n(&entry->claim, &claim, claim + 1, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return false;
	if (entry->state != FLOW_FREE)
		owner = entry->owner;
	/* An exchange: a packet that swaps the word meanwhile finds it changed and looks again. */
	__atomic_exchange_n(&entry->standing, 0, __ATOMIC_ACQ_REL);
	__atomic_store_n(&entry->claim, claim + 2, __ATOMIC_RELEASE);
	if (!owner)
		return false;
	if (owner < SLUICE_MAX_PORTS)
		__atomic_fetch_sub(&sw->flow_usage[owner], 1, __ATOMIC_RELAXED);
	return true;
}

int sluice_flows_flush(struct sluice *sw, const char *port, size_t *count,
		       struct sluice_error *error)
{
	int slot = port ? sluice_port_slot(sw, port, error) : 0;
	__u32 now = tick_now();
	size_t forgotten = 0;
	struct flow flow;

	if (slot < 0)
		return slot;
	for (__u32 bucket = 0; bucket < sw->flow_buckets; bucket++)
		for (int way = 0; way < FLOWS_PER_BUCKET; way++) {
			struct flow *entry = &sw->flows[bucket].way[way];
			bool live;

			if (entry->state == FLOW_FREE || !flow_copy(entry, &flow) ||
			    !flow_of_slot(&flow, slot))
				continue;
			live = flow_live(&flow, now);
			if (flow_forget(sw, entry, &flow) && live)
				forgotten++;
		}
	*count = forgotten;
	return 0;
}
