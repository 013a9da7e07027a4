// SPDX-License-Identifier: BSD-2-Clause
/*
 * The flow table as user space sees it: reading entries under the packets' hands, and forgetting
 * them by the claim that the programs use themselves (maps/flow.h).
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "loader/offload.h"

#define FLUSH_LOCK_SECONDS 10

const unsigned int flow_idle_seconds[FLOW_STATE_COUNT] = {
#define X(identifier, name, seconds, text) [FLOW_##identifier] = seconds,
	FLOW_STATES(X)
#undef X
};

size_t sluice_flow_capacity(const struct sluice *sw)
{
	return (size_t)sw->flow_buckets * FLOWS_PER_BUCKET;
}

/* The programs' clock, bpf_ktime_get_coarse_ns(), in ticks. */
__u32 flow_tick(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (__u32)((now.tv_sec * 1000000000ULL + now.tv_nsec) >> FLOW_TICK_SHIFT);
}

static __u32 ticks_idle(__u32 last_seen, __u32 now)
{
	__s32 idle = (__s32)(now - last_seen);

	return idle < 0 ? 0 : idle; /* seen after the clock was read */
}

static bool flow_live(const struct sluice_flow *flow, __u32 now)
{
	return ticks_idle(flow->last_seen, now) <=
	       flow_idle_seconds[flow->state] * FLOW_TICKS_PER_SECOND;
}

void flow_read(const struct flow *line, const struct flow_detail *detail, struct sluice_flow *copy)
{
	/* Packets swap it as one word. */
	struct flow now = { .standing = __atomic_load_n(&line->standing, __ATOMIC_RELAXED) };

	*copy = (struct sluice_flow){
		.key.vni_protocol = line->id.vni_protocol,
		.version = now.version,
		.last_seen = line->last_seen,
		.created = detail->created,
		.state = now.state,
		.originator = now.originator & 1,
		.acl_allowed = now.acl_allowed,
		/* While a device carries it nobody here knows them. */
		.tcp_acks = line->tcp_acks & FLOW_NUMBERS_UNKNOWN ? 0 : line->tcp_acks,
		.tcp_fins = now.tcp_fins,
		.keep = detail->keep,
		.place = line->place,
	};
	for (int end = 0; end < 2; end++) {
		__u64 counted = __atomic_load_n(&line->counted[end], __ATOMIC_RELAXED);

		copy->key.address[end] = detail->address[end];
		copy->key.port[end] = line->id.port[end];
		copy->slot[end] = line->slot[end];
		copy->tcp_ack[end] = line->tcp_ack[end];
		copy->packets[end] = detail->packets[end] + (counted >> FLOW_COUNT_SHIFT);
		copy->bytes[end] = detail->bytes[end] + (counted & FLOW_COUNT_BYTES);
	}
	memcpy(copy->rule, detail->rule, sizeof(copy->rule));
}

bool flow_copy(const struct flow *line, const struct flow_detail *detail, struct sluice_flow *copy,
	       __u32 *claim)
{
	for (int attempt = 0; attempt < 100; attempt++) {
		__u32 settling = __atomic_load_n(&detail->settling, __ATOMIC_ACQUIRE);

		*claim = __atomic_load_n(&line->claim, __ATOMIC_ACQUIRE);
		if (*claim & 1 || settling & 0xffff)
			continue;
		flow_read(line, detail, copy);
		copy->claim = *claim;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&line->claim, __ATOMIC_RELAXED) == *claim &&
		    __atomic_load_n(&detail->settling, __ATOMIC_RELAXED) == settling)
			return copy->state != FLOW_FREE && copy->state < FLOW_STATE_COUNT;
	}
	return false;
}

static bool flow_of_slot(const struct sluice_flow *flow, int slot)
{
	return !slot || flow->slot[0] == slot || flow->slot[1] == slot;
}

int sluice_flows(struct sluice *sw, const char *port, sluice_flow_visitor visit, void *context,
		 struct sluice_error *error)
{
	int slot = port ? sluice_port_slot(sw, port, error) : 0;
	__u32 now = flow_tick(), claim;
	struct sluice_flow flow;

	if (slot < 0)
		return slot;
	for (__u32 bucket = 0; bucket < sw->flow_buckets; bucket++)
		for (int way = 0; way < FLOWS_PER_BUCKET; way++) {
			const struct flow *line = &sw->flows[bucket].way[way];
			int stop;

			if (line->state == FLOW_FREE ||
			    !flow_copy(line, &sw->flow_details[bucket].way[way], &flow, &claim) ||
			    !flow_live(&flow, now) || !flow_of_slot(&flow, slot))
				continue;
			stop = visit(&flow,
				     ticks_idle(flow.last_seen, now) / FLOW_TICKS_PER_SECOND,
				     context);
			if (stop)
				return stop;
		}
	return 0;
}

int flows_settle(const struct sluice *sw, struct sluice_error *error)
{
	unsigned char frame[64] = { 0 }; /* test runs want one; the program does not look at it */
	struct __sk_buff skb = { .mark = 0 };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &skb, .ctx_size_in = sizeof(skb), .repeat = 1);

	for (; skb.mark < sw->flow_buckets; skb.mark += SETTLE_BUCKETS)
		if (bpf_prog_test_run_opts(sw->program.sluice_settle, &options))
			return sluice_error_set(error, -errno,
						"what flows have counted can not be added to their "
						"rules' counters: %s", strerror(errno));
	return 0;
}

/* Frees an entry if it is still the one that was copied, and gives its owner the quota back. What it
 * counted stays in its line until it is settled or taken. */
static bool flow_forget(struct sluice *sw, __u32 bucket, int way, __u32 claim)
{
	struct flow *line = &sw->flows[bucket].way[way];
	__u64 *tags = &sw->flow_tags[bucket];
	__u16 owner = 0;

	if (!__atomic_compare_exchange_n(&line->claim, &claim, claim + 1, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return false;
	if (line->state != FLOW_FREE)
		owner = line->slot[line->originator & 1];
	/* An exchange: a packet that swaps the word meanwhile finds it changed and looks again. */
	__atomic_exchange_n(&line->standing, 0, __ATOMIC_ACQ_REL);
	/* The way's tag belongs to whoever holds its claim; its neighbors' do not. */
	__atomic_fetch_sub(tags, __atomic_load_n(tags, __ATOMIC_RELAXED) & 0xffULL << way * 8,
			   __ATOMIC_RELAXED);
	__atomic_store_n(&line->claim, claim + 2, __ATOMIC_RELEASE);
	if (!owner)
		return false;
	if (owner < SLUICE_MAX_PORTS)
		__atomic_fetch_sub(&sw->flow_usage[owner], 1, __ATOMIC_RELAXED);
	return true;
}

/* Forgets all entries of a port; slot 0: of every port. */
static size_t forget_flows(struct sluice *sw, int slot)
{
	__u32 now = flow_tick(), claim;
	size_t forgotten = 0;
	struct sluice_flow flow;

	for (__u32 bucket = 0; bucket < sw->flow_buckets; bucket++)
		for (int way = 0; way < FLOWS_PER_BUCKET; way++) {
			struct flow *line = &sw->flows[bucket].way[way];
			bool live;

			if (line->state == FLOW_FREE ||
			    !flow_copy(line, &sw->flow_details[bucket].way[way], &flow, &claim) ||
			    !flow_of_slot(&flow, slot))
				continue;
			live = flow_live(&flow, now);
			if (flow_forget(sw, bucket, way, claim) && live)
				forgotten++;
		}
	return forgotten;
}

int sluice_flows_flush(struct sluice *sw, const char *port, size_t *count,
		       struct sluice_error *error)
{
	int slot = port ? sluice_port_slot(sw, port, error) : 0, result = 0;
	bool locked = slot >= 0 && sw->lock_fd < 0 && offload_wanted(sw);

	if (slot < 0)
		return slot;
	/* No device may carry on with what is forgotten, nor be given it in this moment. */
	if (locked)
		result = sluice_lock(sw, FLUSH_LOCK_SECONDS, error);
	if (result)
		return result;
	result = offload_withdraw(sw, error);
	if (!result)
		*count = forget_flows(sw, slot);
	if (locked)
		sluice_unlock(sw);
	return result;
}
