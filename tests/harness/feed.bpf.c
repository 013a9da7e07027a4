/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Puts the headers whose turn it is over the frame and goes on with the switch (feed.h). */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "tests/harness/feed.h"

#define SHOT 2

char _license[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct feed_headers);
} feed_headers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FEED_FEEDERS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct feed_turn);
} feed_turns SEC(".maps");

/* Nanoseconds that a packet with these headers took, as often as it was sent last. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} feed_times SEC(".maps");

/* The switch. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} feed_xdp_to SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} feed_tc_to SEC(".maps");

/* From when the packet before this one was handed over until now. */
static __always_inline void note_time(const struct feed_turn *turn)
{
	__u32 last = turn->first + ((turn->at - turn->step) & turn->mask);
	__u64 *nanoseconds;

	if (!turn->timed || !turn->begun)
		return;
	nanoseconds = bpf_map_lookup_elem(&feed_times, &last);
	if (nanoseconds)
		*nanoseconds = bpf_ktime_get_ns() - turn->begun;
}

static __always_inline bool lay_headers(void *data, void *end)
{
	struct feed_headers *headers;
	__u64 *words = data;
	struct feed_turn *turn;
	__u32 index, ports, at;

	if (data + FEED_NUMBER + 4 > end)
		return false;
	index = *(__u32 *)(data + FEED_NUMBER);
	turn = bpf_map_lookup_elem(&feed_turns, &index);
	if (!turn)
		return false;
	note_time(turn);
	at = turn->at;
	index = turn->first + (at & turn->mask);
	turn->at = at + turn->step;
	headers = bpf_map_lookup_elem(&feed_headers, &index);
	if (!headers)
		return false;
	for (int i = 0; i < FEED_WORDS; i++)
		words[i] = headers->word[i];
	ports = turn->ports;
	if (ports) {
		if (ports > FEED_NUMBER || data + ports + 4 > end)
			return false;
		*(__u32 *)(data + ports) = turn->number + (at & turn->number_mask);
	}
	if (turn->timed)
		turn->begun = bpf_ktime_get_ns();
	return true;
}

SEC("xdp")
int feed_xdp(struct xdp_md *xdp)
{
	if (lay_headers((void *)(long)xdp->data, (void *)(long)xdp->data_end))
		bpf_tail_call_static(xdp, &feed_xdp_to, 0);
	return XDP_ABORTED;
}

SEC("tc")
int feed_tc(struct __sk_buff *skb)
{
	if (lay_headers((void *)(long)skb->data, (void *)(long)skb->data_end))
		bpf_tail_call_static(skb, &feed_tc_to, 0);
	return SHOT;
}

/* In the switch's place: what is left is the feeding. */
SEC("xdp")
int feed_nothing_xdp(struct xdp_md *xdp)
{
	return XDP_DROP;
}

SEC("tc")
int feed_nothing_tc(struct __sk_buff *skb)
{
	return SHOT;
}
