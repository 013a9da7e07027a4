/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The frame under a struct packet. Here, and only here and in bpf/deliver.h, XDP and tc differ.
 *
 * packet->hook is set once, as a constant, by the entry point: either the compiler or, behind a
 * call it can not see through, the verifier knows it and throws the other hook's code away. It has
 * eight bytes of its own because that is what the verifier follows through the stack.
 *
 * Every function that changes the frame's ends makes earlier pointers into it invalid.
 */
#ifndef SLUICE_BPF_FRAME_H
#define SLUICE_BPF_FRAME_H

#include "bpf/packet.h"
#include "bpf/forget.h"
#include "bpf/protocol.h"

/* No header that the switch reads begins further into a frame. Keeps offsets provably small. */
#define FRAME_HEADERS_LIMIT 2047

/* What bpf_skb_adjust_room() is told, as linux/bpf.h numbers it. */
#define ADJUST_AT_MAC     1
#define ADJUST_FIXED_GSO  (1ULL << 0)
#define ADJUST_OUTER_IPV4 (1ULL << 1)
#define ADJUST_OUTER_IPV6 (1ULL << 2)
#define ADJUST_OUTER_UDP  (1ULL << 4)
#define ADJUST_INNER_ETHERNET (1ULL << 6 | (__u64)ETHERNET_HEADER << 56)
#define ADJUST_INNER_IPV4 (1ULL << 7)
#define ADJUST_INNER_IPV6 (1ULL << 8)

/* What is made linear of a fragmented skb at once: enough for nearly every header chain. */
#define FRAME_FIRST_PULL 128

/* The barriers keep the compiler from turning two loads from the context into one load from a
 * computed address, which the verifier refuses. */
static __always_inline void *frame_begin(const struct packet *packet)
{
	__u64 begin;

	if (packet->hook == HOOK_XDP) {
		begin = packet->xdp->data;
		asm volatile("" : "+r"(begin) : "i"(HOOK_XDP));
	} else {
		begin = packet->skb->data;
		asm volatile("" : "+r"(begin) : "i"(HOOK_TC));
	}
	return (void *)begin;
}

static __always_inline void *frame_end(const struct packet *packet)
{
	__u64 end;

	if (packet->hook == HOOK_XDP) {
		end = packet->xdp->data_end;
		asm volatile("" : "+r"(end) : "i"(HOOK_XDP));
	} else {
		end = packet->skb->data_end;
		asm volatile("" : "+r"(end) : "i"(HOOK_TC));
	}
	return (void *)end;
}

/* The frame's length now; an skb may be longer than its linear part. */
static __always_inline __u32 frame_length(const struct packet *packet)
{
	if (packet->hook == HOOK_TC) {
		__u32 length = packet->skb->len;

		asm volatile("" : "+r"(length));
		return length;
	}
	return frame_end(packet) - frame_begin(packet);
}

/* How much payload each packet has that the skb will be cut into (GSO); 0: it is one packet. */
static __always_inline __u32 frame_segment(const struct packet *packet)
{
	__u32 size;

	if (packet->hook == HOOK_XDP)
		return 0;
	size = packet->skb->gso_size;
	asm volatile("" : "+r"(size));
	return size;
}

/* Pointer to size bytes at offset when all of them are linear, else NULL. size is a constant. */
static __always_inline void *frame_at(const struct packet *packet, __u64 offset, __u32 size)
{
	void *end = frame_end(packet);
	void *at;

	/* The compiler may know the bound from elsewhere; the verifier wants to see it here. */
	if (!__builtin_constant_p(offset))
		asm volatile("" : "+r"(offset));
	if (offset > FRAME_HEADERS_LIMIT)
		return NULL;
	at = frame_begin(packet) + offset;
	/* One register for the pointer that is checked and the one that is used. */
	asm volatile("" : "+r"(at));
	if (at + size > end)
		return NULL;
	return at;
}

/* The same, after making that part linear where it is not. NULL: the frame is shorter. */
static __always_inline void *frame_reach(struct packet *packet, __u64 offset, __u32 size)
{
	void *at;

	/* Where the compiler knows the bound from elsewhere, Linux 6.12 follows a path on which
	 * frame_at() has found it exceeded, and loses its way when it is asked for again. */
	if (!__builtin_constant_p(offset))
		asm volatile("" : "+r"(offset));
	if (offset > FRAME_HEADERS_LIMIT)
		return NULL;
	at = frame_at(packet, offset, size);
	if (at || packet->hook != HOOK_TC)
		return at;
	if (offset + size > packet->skb->len ||
	    bpf_skb_pull_data(packet->skb, offset + size))
		return NULL;
	return frame_at(packet, offset, size);
}

/* Makes the usual header chain of a fragmented skb linear, before anything is read. When memory
 * is short the stages find the headers missing. */
static __always_inline void frame_pull_headers(struct packet *packet)
{
	__u32 linear, length;

	if (packet->hook != HOOK_TC)
		return;
	linear = frame_end(packet) - frame_begin(packet);
	length = frame_length(packet);
	if (linear < length && linear < FRAME_FIRST_PULL)
		bpf_skb_pull_data(packet->skb,
				  length < FRAME_FIRST_PULL ? length : FRAME_FIRST_PULL);
}

/* The outermost tag when tc keeps it beside the frame. */
static __always_inline bool frame_hidden_vlan(const struct packet *packet, __be16 *tci)
{
	if (packet->hook != HOOK_TC || !packet->skb->vlan_present)
		return false;
	*tci = bpf_htons(packet->skb->vlan_tci);
	return true;
}

/* Opens bytes at the frame's front; their content is undefined. */
static __always_inline int frame_grow_front(struct packet *packet, __u32 bytes)
{
	long error;

	if (packet->hook == HOOK_XDP)
		error = bpf_xdp_adjust_head(packet->xdp, -(int)bytes);
	else
		error = bpf_skb_change_head(packet->skb, bytes, 0);
	return error ? DROP_REWRITE_FAILED : 0;
}

/* Cuts or extends the frame's tail; what is new is undefined. */
static __always_inline int frame_set_length(struct packet *packet, __u32 length)
{
	long error;

	if (packet->hook == HOOK_XDP)
		error = bpf_xdp_adjust_tail(packet->xdp, (int)(length - frame_length(packet)));
	else
		error = bpf_skb_change_tail(packet->skb, length, 0);
	return error ? DROP_REWRITE_FAILED : 0;
}

/* The two MACs, as they are moved when a tag comes in behind them or goes. */
struct frame_macs {
	__u64 first;
	__u32 rest;
} __attribute__((packed));

/* Puts a VLAN tag on. */
static __always_inline int frame_push_vlan(struct packet *packet, __u16 vlan)
{
	struct {
		struct frame_macs macs;
		__be16 type;
		__be16 tci;
	} __attribute__((packed)) *frame;
	struct frame_macs *before;

	if (packet->hook == HOOK_TC)
		return bpf_skb_vlan_push(packet->skb, bpf_htons(ETHERTYPE_VLAN), vlan) ?
			       DROP_REWRITE_FAILED :
			       0;
	if (frame_grow_front(packet, VLAN_HEADER))
		return DROP_REWRITE_FAILED;
	frame = frame_at(packet, 0, sizeof(*frame));
	before = frame_at(packet, VLAN_HEADER, sizeof(*before));
	if (!frame || !before)
		return DROP_REWRITE_FAILED;
	frame->macs = (struct frame_macs){ before->first, before->rest };
	frame->type = bpf_htons(ETHERTYPE_VLAN);
	frame->tci = bpf_htons(vlan);
	return 0;
}

/* Takes off the tag that an XDP frame begins with. */
static __always_inline int frame_pop_vlan(struct packet *packet)
{
	struct frame_macs *macs = frame_at(packet, 0, sizeof(*macs));
	struct frame_macs *behind = frame_at(packet, VLAN_HEADER, sizeof(*behind));

	if (!macs || !behind)
		return DROP_FRAME_SHORT;
	*behind = (struct frame_macs){ macs->first, macs->rest };
	return bpf_xdp_adjust_head(packet->xdp, VLAN_HEADER) ? DROP_REWRITE_FAILED : 0;
}

/* Opens bytes for outer headers behind the Ethernet header, the last ETHERNET_HEADER of them for the
 * inner frame's own, and says to the kernel what they will be; so it goes on with GSO. */
static __always_inline int frame_wrap(struct packet *packet, bool ipv6, __u32 bytes)
{
	__u64 flags = ADJUST_FIXED_GSO | ADJUST_OUTER_UDP | ADJUST_INNER_ETHERNET;

	if (packet->hook == HOOK_XDP)
		return DROP_REWRITE_FAILED;
	flags |= ipv6 ? ADJUST_OUTER_IPV6 : ADJUST_OUTER_IPV4;
	return bpf_skb_adjust_room(packet->skb, bytes, ADJUST_AT_MAC, flags) ?
		       DROP_REWRITE_FAILED :
		       0;
}

/* Takes off that many bytes of headers behind the outer Ethernet header, the inner one included, which
 * then stands where that stood. */
static __always_inline int frame_unwrap(struct packet *packet, __u32 bytes, bool ipv4)
{
	struct frame_macs macs, *begin;
	struct {
		struct frame_macs macs;
		__be16 type;
	} __attribute__((packed)) *frame;
	__u16 type = ipv4 ? bpf_htons(ETHERTYPE_IPV4) : bpf_htons(ETHERTYPE_IPV6);
	__u64 flags = ADJUST_FIXED_GSO;

	if (packet->hook == HOOK_XDP)
		return DROP_REWRITE_FAILED;
	begin = frame_at(packet, bytes, sizeof(*begin));
	frame = frame_at(packet, 0, sizeof(*frame));
	if (!begin || !frame)
		return DROP_REWRITE_FAILED;
	macs = (struct frame_macs){ begin->first, begin->rest };
	/* The kernel (Linux 6.3 and later) is told when the IP version changes. */
	if (frame->type != type)
		flags |= ipv4 ? ADJUST_INNER_IPV4 : ADJUST_INNER_IPV6;
	if (bpf_skb_adjust_room(packet->skb, -(int)bytes, ADJUST_AT_MAC, flags))
		return DROP_REWRITE_FAILED;
	frame = frame_at(packet, 0, sizeof(*frame));
	if (!frame)
		return DROP_REWRITE_FAILED;
	frame->macs = macs;
	frame->type = type;
	return 0;
}

/* An IPv6 hop limit went down by one. A device that summed the frame wants to know; the sum of an
 * IPv4 packet does not change, as the header's own checksum makes up for it. */
static __always_inline void frame_hop_taken(struct packet *packet)
{
	/* Without a sum to mend the helper refuses, which is as good. */
	if (packet->hook == HOOK_TC)
		bpf_csum_update(packet->skb, (__u16)~bpf_htons(0x0001));
}

#endif
