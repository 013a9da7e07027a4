/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the switch is measured against: an empty program, and the least that a stateful fast path
 * does (parse, find the flow in the kernel's own hash, count, redirect).
 *
 * And vary, which puts the same headers in front of the switch again and again with other ports:
 * by BPF_PROG_TEST_RUN a frame is repeated as the program left it, and a new flow is new only once.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define VARIED_WORDS 5 /* Ethernet, IPv4 and ports, and two bytes more */
#define PORTS        34

char _license[] SEC("license") = "Dual BSD/GPL";

struct floor_key {
	__be32 source;
	__be32 destination;
	__be16 source_port;
	__be16 destination_port;
	__u32 protocol;
};

struct floor_flow {
	__u64 packets;
	__u64 bytes;
	__u32 device;
	__u32 padding;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct floor_key);
	__type(value, struct floor_flow);
} floor_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u32);
} floor_devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct floor_flow);
} floor_counters SEC(".maps");

/* What vary goes on with. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} varied_xdp SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} varied_tc SEC(".maps");

__u64 varied_header[VARIED_WORDS]; /* what each frame begins with */
__u32 varied_count;                /* its ports */

SEC("xdp")
int empty_xdp(struct xdp_md *xdp)
{
	return XDP_DROP;
}

SEC("tc")
int empty_tc(struct __sk_buff *skb)
{
	return 2; /* TC_ACT_SHOT */
}

/* The flow of the frame, counted; NULL: not an IPv4 frame with ports, or unknown. */
static __always_inline struct floor_flow *floor_find(void *data, void *end)
{
	struct ethhdr *ethernet = data;
	struct iphdr *ip = data + sizeof(*ethernet);
	struct udphdr *ports;
	struct floor_flow *flow, *counter;
	struct floor_key key = {};
	__u32 zero = 0;

	if ((void *)(ip + 1) > end || ethernet->h_proto != bpf_htons(0x0800) || ip->ihl < 5)
		return NULL;
	ports = (void *)ip + ip->ihl * 4;
	if ((void *)(ports + 1) > end || (ip->protocol != 17 && ip->protocol != 6))
		return NULL;
	key.source = ip->saddr;
	key.destination = ip->daddr;
	key.source_port = ports->source;
	key.destination_port = ports->dest;
	key.protocol = ip->protocol;
	flow = bpf_map_lookup_elem(&floor_flows, &key);
	counter = bpf_map_lookup_elem(&floor_counters, &zero);
	if (!flow || !counter)
		return NULL;
	flow->packets++;
	flow->bytes += end - data;
	counter->packets++;
	counter->bytes += end - data;
	return flow;
}

SEC("xdp")
int floor_xdp(struct xdp_md *xdp)
{
	struct floor_flow *flow = floor_find((void *)(long)xdp->data, (void *)(long)xdp->data_end);

	return flow ? bpf_redirect_map(&floor_devices, flow->device, 0) : XDP_DROP;
}

SEC("tc")
int floor_tc(struct __sk_buff *skb)
{
	struct floor_flow *flow = floor_find((void *)(long)skb->data, (void *)(long)skb->data_end);

	return flow ? bpf_redirect(flow->device, 0) : 2;
}

static __always_inline bool vary(void *data, void *end)
{
	__u64 *words = data;

	if ((void *)(words + VARIED_WORDS) > end)
		return false;
	for (int i = 0; i < VARIED_WORDS; i++)
		words[i] = varied_header[i];
	*(__u32 *)(data + PORTS) = varied_count++;
	return true;
}

SEC("xdp")
int vary_xdp(struct xdp_md *xdp)
{
	if (vary((void *)(long)xdp->data, (void *)(long)xdp->data_end))
		bpf_tail_call_static(xdp, &varied_xdp, 0);
	return XDP_ABORTED;
}

SEC("tc")
int vary_tc(struct __sk_buff *skb)
{
	if (vary((void *)(long)skb->data, (void *)(long)skb->data_end))
		bpf_tail_call_static(skb, &varied_tc, 0);
	return -1;
}
