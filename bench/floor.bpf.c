/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the switch is measured against: an empty program, and the least that a stateful fast path
 * does: parse, find the flow, count, redirect. The flow is found in the kernel's own hash, with few
 * flows or a million, or in a table of cache lines (bench/floor.h).
 *
 * And vary, which runs a program again and again on the same frame with other ports. It writes them
 * as programs read them: a load of what two stores have just written waits for both, which no frame
 * from a network card makes a program do.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bench/floor.h"

#define PORTS 34 /* where they are in a frame of IPv4 without options */

char _license[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct floor_key);
	__type(value, struct floor_flow);
} floor_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct floor_key_ipv6);
	__type(value, struct floor_flow);
} floor_flows_ipv6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * BENCH_FLOWS);
	__type(key, struct floor_key);
	__type(value, struct floor_flow);
} hash_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LINE_BUCKETS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct line_bucket);
} line_flows SEC(".maps");

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

__u32 varied_how;    /* enum varied_flow */
__u32 varied_number; /* of the next flow in sequence */
__u64 varied_random = 88172645463325252ULL;

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

/* False: not an IPv4 frame with ports. */
static __always_inline bool floor_parse(void *data, void *end, struct floor_key *key)
{
	struct ethhdr *ethernet = data;
	struct iphdr *ip = data + sizeof(*ethernet);
	struct udphdr *ports;

	if ((void *)(ip + 1) > end || ethernet->h_proto != bpf_htons(0x0800) || ip->ihl < 5)
		return false;
	ports = (void *)ip + ip->ihl * 4;
	if ((void *)(ports + 1) > end || (ip->protocol != 17 && ip->protocol != 6))
		return false;
	key->source = ip->saddr;
	key->destination = ip->daddr;
	key->source_port = ports->source;
	key->destination_port = ports->dest;
	key->protocol = ip->protocol;
	return true;
}

/* The same for IPv6 without extension headers. */
static __always_inline bool floor_parse_ipv6(void *data, void *end, struct floor_key_ipv6 *key)
{
	struct ethhdr *ethernet = data;
	struct ipv6hdr *ip = data + sizeof(*ethernet);
	struct udphdr *ports = (void *)(ip + 1);

	if ((void *)(ports + 1) > end || ethernet->h_proto != bpf_htons(0x86dd) ||
	    (ip->nexthdr != 17 && ip->nexthdr != 6))
		return false;
	__builtin_memcpy(&key->source, &ip->saddr, sizeof(key->source));
	__builtin_memcpy(&key->destination, &ip->daddr, sizeof(key->destination));
	key->source_port = ports->source;
	key->destination_port = ports->dest;
	key->protocol = ip->nexthdr;
	return true;
}

static __always_inline bool floor_count(__u64 bytes)
{
	__u32 zero = 0;
	struct floor_flow *counter = bpf_map_lookup_elem(&floor_counters, &zero);

	if (!counter)
		return false;
	counter->packets++;
	counter->bytes += bytes;
	return true;
}

/* Each of the following gives the device that the frame goes to, or FLOOR_UNKNOWN. */
#define FLOOR_UNKNOWN 0xffffffff

static __always_inline __u32 floor_device(struct floor_flow *flow, __u64 bytes)
{
	if (!flow || !floor_count(bytes))
		return FLOOR_UNKNOWN;
	flow->packets++;
	flow->bytes += bytes;
	return flow->device;
}

static __always_inline __u32 floor_find(void *data, void *end)
{
	struct floor_key key = {};

	if (!floor_parse(data, end, &key))
		return FLOOR_UNKNOWN;
	return floor_device(bpf_map_lookup_elem(&floor_flows, &key), end - data);
}

static __always_inline __u32 floor_find_ipv6(void *data, void *end)
{
	struct floor_key_ipv6 key = {};

	if (!floor_parse_ipv6(data, end, &key))
		return FLOOR_UNKNOWN;
	return floor_device(bpf_map_lookup_elem(&floor_flows_ipv6, &key), end - data);
}

static __always_inline __u32 hash_find(void *data, void *end)
{
	struct floor_key key = {};

	if (!floor_parse(data, end, &key))
		return FLOOR_UNKNOWN;
	return floor_device(bpf_map_lookup_elem(&hash_flows, &key), end - data);
}

static __always_inline struct line_way *line_way(__u32 bucket, const union line_key *key)
{
	struct line_bucket *line = bpf_map_lookup_elem(&line_flows, &bucket);

	if (!line)
		return NULL;
	for (int i = 0; i < LINE_WAYS; i++)
		if (line->way[i].key.word[0] == key->word[0] &&
		    line->way[i].key.word[1] == key->word[1])
			return &line->way[i];
	return NULL;
}

static __always_inline __u32 line_find(void *data, void *end)
{
	union line_key key = {};
	struct line_way *way;
	__u64 hash;

	if (!floor_parse(data, end, &key.key))
		return FLOOR_UNKNOWN;
	hash = line_hash(&key);
	way = line_way(line_first(hash), &key) ?: line_way(line_second(hash), &key);
	if (!way || !floor_count(end - data))
		return FLOOR_UNKNOWN;
	way->packets++;
	way->bytes += end - data;
	return way->device;
}

static __always_inline int redirect_xdp(__u32 device)
{
	return device == FLOOR_UNKNOWN ? XDP_DROP : bpf_redirect_map(&floor_devices, device, 0);
}

static __always_inline int redirect_tc(__u32 device)
{
	return device == FLOOR_UNKNOWN ? 2 : bpf_redirect(device, 0);
}

#define DATA(context) (void *)(long)(context)->data, (void *)(long)(context)->data_end

SEC("xdp")
int floor_xdp(struct xdp_md *xdp)
{
	return redirect_xdp(floor_find(DATA(xdp)));
}

SEC("tc")
int floor_tc(struct __sk_buff *skb)
{
	return redirect_tc(floor_find(DATA(skb)));
}

SEC("xdp")
int floor_ipv6_xdp(struct xdp_md *xdp)
{
	return redirect_xdp(floor_find_ipv6(DATA(xdp)));
}

SEC("tc")
int floor_ipv6_tc(struct __sk_buff *skb)
{
	return redirect_tc(floor_find_ipv6(DATA(skb)));
}

SEC("xdp")
int hash_xdp(struct xdp_md *xdp)
{
	return redirect_xdp(hash_find(DATA(xdp)));
}

SEC("tc")
int hash_tc(struct __sk_buff *skb)
{
	return redirect_tc(hash_find(DATA(skb)));
}

SEC("xdp")
int line_xdp(struct xdp_md *xdp)
{
	return redirect_xdp(line_find(DATA(xdp)));
}

SEC("tc")
int line_tc(struct __sk_buff *skb)
{
	return redirect_tc(line_find(DATA(skb)));
}

/* The number of the next packet's flow; the hot ones are spread over all numbers. */
static __always_inline __u32 next_flow(void)
{
	__u64 random = varied_random;
	__u32 hot = 0;

	if (varied_how == VARIED_SEQUENCE)
		return varied_number++;
	random ^= random << 13;
	random ^= random >> 7;
	random ^= random << 17;
	varied_random = random;
	if (varied_how == VARIED_SKEWED)
		/* All ones in nine cases of ten, without a branch to be guessed wrong. */
		hot = -(__u32)((random >> 40 & 0xffff) < 58982);
	random &= BENCH_FLOWS - 1;
	return (random & ~hot) | ((random % BENCH_HOT) * 0x9e3779b1U & (BENCH_FLOWS - 1) & hot);
}

static __always_inline bool vary(void *data, void *end)
{
	__be16 *ports = data + PORTS;
	__u32 number;

	if ((void *)(ports + 2) > end)
		return false;
	number = next_flow();
	ports[0] = bpf_htons(varied_source(number));
	ports[1] = bpf_htons(varied_destination(number));
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
