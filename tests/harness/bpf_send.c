/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs frames through the entry points and says what became of them. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/sluice.skel.h"
#include "tests/harness/bpf_switch.h"

static int try(int program, const struct frame *frame, struct frame *out, void *context,
	       __u32 context_size, int *verdict)
{
	struct frame unused;
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		    .data_size_in = (__u32)frame->length, .repeat = 1, .ctx_in = context,
		    .ctx_size_in = context_size);

	if (!out)
		out = &unused;
	options.data_out = out->bytes;
	options.data_size_out = FRAME_ROOM;
	if (bpf_prog_test_run_opts(program, &options))
		return -errno;
	out->length = options.data_size_out;
	*verdict = (int)options.retval;
	return 0;
}

int program_fd(const struct bpf_switch *sw, enum via via)
{
	return bpf_program__fd(via == VIA_XDP  ? sw->skeleton->progs.sluice_xdp
			       : via == VIA_TC ? sw->skeleton->progs.sluice_tc
					       : sw->skeleton->progs.sluice_trace);
}

bool runs_as_skb(const struct frame *frame)
{
	__u16 type = frame->length < 14 ? 0 : frame_get16(frame, 12);

	return frame->length > 14 + (type == 0x0800 ? 19U : type == 0x86dd ? 39U : 0U);
}

static int must(int error, int verdict, const struct frame *frame)
{
	if (error)
		fail_msg("test run of %zu bytes: %s", frame->length, strerror(-error));
	return verdict;
}

int try_tc(int program, unsigned int ifindex, const struct frame *frame, int *verdict)
{
	struct __sk_buff context = { .ifindex = ifindex, .gso_size = frame->segment };

	return try(program, frame, NULL, &context, sizeof(context), verdict);
}

int run_tc(int program, unsigned int ifindex, const struct frame *frame, struct frame *out)
{
	struct __sk_buff context = { .ifindex = ifindex, .gso_size = frame->segment };
	int verdict = 0;
	int error = try(program, frame, out, &context, sizeof(context), &verdict);

	return must(error, verdict, frame);
}

int run_xdp(int program, unsigned int ifindex, const struct frame *frame, struct frame *out)
{
	struct xdp_md context = { .data_end = (__u32)frame->length, .ingress_ifindex = ifindex };
	int verdict = 0;
	int error = try(program, frame, out, &context, sizeof(context), &verdict);

	return must(error, verdict, frame);
}

static struct trace trace_of_cpu(const struct bpf_switch *sw, const struct trace *request)
{
	int map = bpf_map__fd(sw->skeleton->maps.traces);
	struct trace *all = calloc((size_t)sw->cpus, sizeof(*all));
	struct trace trace;
	__u32 zero = 0;

	assert_non_null(all);
	if (request)
		for (int i = 0; i < sw->cpus; i++)
			all[i] = *request;
	if (request ? bpf_map_update_elem(map, &zero, all, 0)
		    : bpf_map_lookup_elem(map, &zero, all))
		fail_msg("traces: %s", strerror(errno));
	trace = all[sched_getcpu()];
	free(all);
	return trace;
}

static void run_trace(struct bpf_switch *sw, const struct actor *from, const struct frame *frame,
		      bool keep_flows, struct outcome *outcome)
{
	struct trace request = { .request = { .slot = bpf_switch_slot(sw, from->name),
					      .keep_flows = keep_flows } };

	trace_of_cpu(sw, &request);
	run_tc(program_fd(sw, VIA_TRACE), 0, frame, &outcome->out);
	outcome->trace = trace_of_cpu(sw, NULL).result;
	outcome->answered = outcome->trace.answered;
	outcome->delivered = outcome->trace.verdict == TRACE_DELIVER && !outcome->answered;
	outcome->reason = outcome->trace.reason;
	outcome->slot = outcome->trace.out_slot;
	assert_int_equal(outcome->trace.verdict == TRACE_DROP, outcome->reason != DROP_NONE);
}

bool ask(struct bpf_switch *sw, const struct query *query, struct trace_result *answer)
{
	static const struct frame anything = { .length = 64 };
	struct trace request = { .request = { .query = *query } };
	int verdict;

	trace_of_cpu(sw, &request);
	verdict = run_tc(bpf_program__fd(sw->skeleton->progs.sluice_query), 0, &anything, NULL);
	*answer = trace_of_cpu(sw, NULL).result;
	return verdict == 0;
}

/* What the live entry points do shows in their verdict and in which counters went up. */
static void read_verdict(enum via via, int verdict, struct outcome *outcome)
{
	bool redirected = verdict == (via == VIA_XDP ? (int)XDP_REDIRECT : TC_ACT_REDIRECT);
	bool returned = redirected || (via == VIA_XDP && verdict == XDP_TX);

	outcome->answered = returned && !outcome->slot;
	outcome->delivered = returned && outcome->slot;
	if (!returned)
		assert_int_equal(verdict, via == VIA_XDP ? (int)XDP_DROP : TC_ACT_SHOT);
}

/* Which counters of which slots went up between two readings. An answer is counted as sent to its
 * asker, which is told apart from a delivery by the receiving slot being the sender's own. */
static void compare_counters(const struct port_counters *before, const struct port_counters *after,
			     __u32 in_slot, struct outcome *outcome)
{
	int received = 0, sent = 0, dropped = 0;

	for (__u32 slot = 0; slot < BPF_SWITCH_SLOTS; slot++) {
		if (after[slot].tx_packets != before[slot].tx_packets) {
			sent += (int)(after[slot].tx_packets - before[slot].tx_packets);
			outcome->slot = slot == in_slot ? 0 : slot;
		}
		for (int reason = 0; reason < DROP_REASON_COUNT; reason++) {
			if (after[slot].drops[reason] == before[slot].drops[reason])
				continue;
			dropped += (int)(after[slot].drops[reason] - before[slot].drops[reason]);
			outcome->reason = (enum drop_reason)reason;
			/* A port without a device, or a device without a port, is slot 0. */
			assert_int_equal(slot, reason == DROP_PORT_UNBOUND ? 0 : in_slot);
		}
		received += (int)(after[slot].rx_packets - before[slot].rx_packets);
	}
	outcome->counted_once =
		sent + dropped == 1 && received == (outcome->reason == DROP_PORT_UNBOUND ? 0 : 1) &&
		(!received || after[in_slot].rx_packets != before[in_slot].rx_packets);
}

static void read_counters(const struct bpf_switch *sw, struct port_counters *all)
{
	for (__u32 slot = 0; slot < BPF_SWITCH_SLOTS; slot++)
		all[slot] = counters_of(sw, slot);
}

struct outcome send_via(struct bpf_switch *sw, enum via via, const struct actor *from,
			struct frame frame)
{
	struct port_counters before[BPF_SWITCH_SLOTS], after[BPF_SWITCH_SLOTS];
	struct outcome outcome = { .in = frame };
	__u32 in_slot = bpf_switch_slot(sw, from->name);

	read_counters(sw, before);
	if (via == VIA_TRACE) {
		/* It judges and remembers as for a live packet, but nothing came and nothing left. */
		run_trace(sw, from, &frame, true, &outcome);
		read_counters(sw, after);
		outcome.counted_once = !memcmp(before, after, sizeof(before));
	} else {
		unsigned int ifindex = actor_ifindex(from);
		int verdict = (via == VIA_XDP ? run_xdp : run_tc)(program_fd(sw, via), ifindex,
								  &frame, &outcome.out);

		read_counters(sw, after);
		compare_counters(before, after, in_slot, &outcome);
		read_verdict(via, verdict, &outcome);
	}
	if (outcome.reason)
		outcome.out.length = 0;
	return outcome;
}

struct outcome send_at_nic(struct bpf_switch *sw, const struct actor *from, struct frame frame)
{
	struct port_counters before[BPF_SWITCH_SLOTS], after[BPF_SWITCH_SLOTS];
	struct outcome outcome = { .in = frame };
	int program = bpf_program__fd(sw->skeleton->progs.sluice_uplink_xdp);
	int verdict;

	read_counters(sw, before);
	verdict = run_xdp(program, if_nametoindex(NIC), &frame, &outcome.out);
	read_counters(sw, after);
	outcome.passed = verdict == XDP_PASS;
	compare_counters(before, after, bpf_switch_slot(sw, from->name), &outcome);
	if (!outcome.passed)
		read_verdict(VIA_XDP, verdict, &outcome);
	outcome.sent_back = verdict == XDP_TX;
	return outcome;
}

struct outcome peek_frame(struct bpf_switch *sw, const struct actor *from, struct frame frame)
{
	struct port_counters before[BPF_SWITCH_SLOTS], after[BPF_SWITCH_SLOTS];
	struct outcome outcome = { .in = frame };

	read_counters(sw, before);
	run_trace(sw, from, &frame, false, &outcome);
	read_counters(sw, after);
	outcome.counted_once = !memcmp(before, after, sizeof(before));
	return outcome;
}

/* Reasons that only a packet that leaves a mark can meet. */
static bool needs_a_mark(enum drop_reason reason)
{
	return reason == DROP_FRAGMENT_LIMIT || reason == DROP_FLOW_LIMIT ||
	       reason == DROP_FLOW_TABLE_FULL;
}

struct outcome send_frame(struct bpf_switch *sw, const struct actor *from, struct frame frame)
{
	struct outcome asked = peek_frame(sw, from, frame);
	struct outcome outcome = send_via(sw, VIA_TC, from, frame);

	assert_true(asked.counted_once);
	outcome.trace = asked.trace;
	if (needs_a_mark(outcome.reason))
		return outcome;
	assert_int_equal(asked.reason, outcome.reason);
	assert_int_equal(asked.delivered, outcome.delivered);
	assert_int_equal(asked.answered, outcome.answered);
	if (outcome.delivered)
		assert_int_equal(asked.slot, outcome.slot);
	if (!outcome.reason)
		assert_frame(outcome.out, asked.out);
	return outcome;
}
