/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The entry points. Each makes a struct packet, sends it down the one way through the switch, and
 * turns the outcome into its hook's verdict.
 */
#include "bpf/packet.h"

#include "bpf/act.h"
#include "bpf/admit.h"
#include "bpf/answer.h"
#include "bpf/carried.h"
#include "bpf/consumers.h"
#include "bpf/deliver.h"
#include "bpf/flow.h"
#include "bpf/function.h"
#include "bpf/hops.h"
#include "bpf/import.h"
#include "bpf/mtu.h"
#include "bpf/parse.h"
#include "bpf/police.h"
#include "bpf/query.h"
#include "bpf/route.h"
#include "bpf/settle.h"
#include "bpf/shortcut.h"
#include "bpf/sweep.h"
#include "bpf/trace.h"
#include "bpf/tunnel.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* The packet's way: each stage returns 0 to go on, a drop reason, or LEAVE_*. */
static __always_inline int travel(struct packet *packet)
{
	return parse(packet) ?: admit(packet) ?: answer_neighbors(packet) ?:
	       find_flow(packet) ?: route(packet) ?: police(packet) ?: limit_hops(packet) ?:
	       limit_size(packet) ?: remember_flow(packet) ?: act(packet);
}

/* Nearly every packet takes the short way and needs no more. */
static __always_inline int carry(struct packet *packet)
{
	if (take_shortcut(packet))
		return 0;
	know_nothing(packet);
	return travel(packet);
}

SEC("xdp")
int sluice_xdp(struct xdp_md *xdp)
{
	struct packet packet;

	packet.xdp = xdp;
	packet.hook = HOOK_XDP;
	if (!enter(&packet, xdp->ingress_ifindex))
		return XDP_DROP;
	return deliver_xdp(&packet, carry(&packet), false);
}

SEC("tc")
int sluice_tc(struct __sk_buff *skb)
{
	struct packet packet;

	packet.skb = skb;
	packet.hook = HOOK_TC;
	if (!enter(&packet, skb->ifindex))
		return TC_ACT_SHOT;
	return deliver_tc(&packet, carry(&packet));
}

/* The same way for one frame of BPF_PROG_TEST_RUN, reported in `traces`; never attached. */
SEC("tc")
int sluice_trace(struct __sk_buff *skb)
{
	struct packet packet = {.skb = skb, .hook = HOOK_TC, .tracing = 1};

	if (!enter_trace(&packet))
		return TC_ACT_UNSPEC;
	return deliver_trace(&packet, travel(&packet));
}

/* Answers one struct query in `traces`; never attached. */
SEC("tc")
int sluice_query(struct __sk_buff *skb)
{
	return answer_query();
}

/* How many sockets read the AF_XDP port in the slot of the request; never attached. */
SEC("tc")
int sluice_consumers(struct __sk_buff *skb)
{
	struct trace *trace = trace_get();

	return trace ? count_consumers(trace->request.slot, SLUICE_XSK_QUEUES) : 0;
}

/* Settles what packets have counted in a stretch of the flow table that begins at bucket skb->mark
 * (bpf/settle.h); never attached. */
SEC("tc")
int sluice_settle(struct __sk_buff *skb)
{
	settle_flows(skb->mark);
	return 0;
}

/* Takes in the flow of another switch that the frame holds (maps/import.h); never attached. */
SEC("tc")
int sluice_import(struct __sk_buff *skb)
{
	struct packet packet = {.skb = skb, .hook = HOOK_TC, .read_only = 1};

	return import_flow(&packet);
}

/* Counts what a NIC carried of a flow, as the data says (bpf/carried.h); never attached. */
SEC("tc")
int sluice_carried(struct __sk_buff *skb)
{
	return note_carried(skb);
}

/* Arms the sweep timer; run once by the loader. */
SEC("tc")
int sluice_start(struct __sk_buff *skb)
{
	return start_sweep();
}

/* Uplinks carry the host's own traffic, which goes up the stack, what VFs send (XDP) and what remotes
 * send (tc). */
SEC("xdp")
int sluice_uplink_xdp(struct xdp_md *xdp)
{
	struct packet packet;
	int outcome;

	packet.xdp = xdp;
	packet.hook = HOOK_XDP;
	outcome = enter_function(&packet, xdp->ingress_ifindex);
	if (outcome)
		return outcome == LEAVE_HOST ? XDP_PASS : XDP_DROP;
	return deliver_xdp(&packet, carry(&packet), true);
}

SEC("tc")
int sluice_uplink_tc(struct __sk_buff *skb)
{
	struct packet packet;
	int outcome;

	packet.skb = skb;
	packet.hook = HOOK_TC;
	outcome = enter_tunnel(&packet);
	if (outcome)
		return outcome == LEAVE_HOST ? TC_ACT_UNSPEC : TC_ACT_SHOT;
	return deliver_tc(&packet, carry(&packet));
}

/* For the far end of a veth pair: lets frames redirected by XDP arrive there. */
SEC("xdp")
int sluice_pass(struct xdp_md *xdp)
{
	return XDP_PASS;
}
