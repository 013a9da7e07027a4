/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ends of every path that is measured by frames, and the least that a path can do.
 *
 * generate runs on live frames inside the sending guest's namespace; count swallows them where every
 * path hands over: at tc ingress of the receiving guest's device, once the frame is an skb. The
 * bare programs redirect between two devices and look at nothing.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bench/traffic/frame.h"

char _license[] SEC("license") = "Dual BSD/GPL";

const volatile struct frame_shape shape = FRAME_OVER_IPV4;

__u64 template[MOST_FRAME_WORDS]; /* what every frame begins with */
__u64 flows;                 /* frames go round over so many flows */
__u64 limit;                 /* after so many nothing is sent any more; 0: never */
bool reverse;                /* the answers of the same flows: ports change places */
__u64 next_flow;
__u64 sent;
__u64 first_time; /* when the first was sent */
__u64 received;
__u32 other_device; /* where a bare program redirects to */

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bare_device SEC(".maps");

SEC("xdp")
int generate(struct xdp_md *xdp)
{
	__u64 *words = (void *)(long)xdp->data;
	struct ports *ports = (void *)words + shape.ports;
	__u16 low, high;

	if ((void *)(words + shape.words) > (void *)(long)xdp->data_end)
		return XDP_ABORTED;
	if (limit && sent == limit)
		return XDP_DROP;
	if (!sent)
		first_time = bpf_ktime_get_ns();
	/* A path may have rewritten the page that comes round again. */
	for (unsigned int i = 0; i < MOST_FRAME_WORDS; i++)
		if (i < shape.words)
			words[i] = template[i];
	low = bpf_htons(FIRST_PORT + (next_flow & (PORTS_A_SIDE - 1)));
	high = bpf_htons(FIRST_PORT + (next_flow / PORTS_A_SIDE));
	ports->source = reverse ? high : low;
	ports->destination = reverse ? low : high;
	next_flow++;
	if (next_flow == flows)
		next_flow = 0;
	sent++;
	return XDP_TX;
}

SEC("tc")
int count(struct __sk_buff *skb)
{
	struct frame_mark *mark = (void *)(long)skb->data + shape.mark;

	if ((void *)(mark + 1) > (void *)(long)skb->data_end || mark->value != FRAME_MARK)
		return -1; /* TC_ACT_UNSPEC: the guest's own */
	__sync_fetch_and_add(&received, 1);
	return 2; /* TC_ACT_SHOT */
}

SEC("xdp")
int bare_xdp(struct xdp_md *xdp)
{
	return bpf_redirect_map(&bare_device, 0, XDP_DROP);
}

SEC("tc")
int bare_tc(struct __sk_buff *skb)
{
	return bpf_redirect(other_device, 0);
}

/* The peer's stack takes the skb as it is: one that is for another MAC than this side's device has,
 * unless told otherwise. */
SEC("tc")
int bare_tc_peer(struct __sk_buff *skb)
{
	bpf_skb_change_type(skb, 0); /* PACKET_HOST */
	return bpf_redirect_peer(other_device, 0);
}
