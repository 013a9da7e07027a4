// SPDX-License-Identifier: BSD-2-Clause
/*
 * Running the loaded programs on questions and frames (maps/trace.h).
 *
 * The kernel lets user space write a per-CPU element only for all CPUs at once, so runs take
 * turns: a lock on the switch's state directory, which dies with its holder. Between the write and
 * the read the thread stays on one CPU, whose element the program fills.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "loader/xsk.h"

#define ETHERNET_HEADER_BYTES 14
#define ETHER_TYPE_OFFSET     12
#define ETHER_TYPE_IPV4       0x0800
#define ETHER_TYPE_IPV6       0x86dd
#define IPV4_HEADER_BYTES     20
#define IPV6_HEADER_BYTES     40

struct run {
	int lock;
	int cpu;
	cpu_set_t affinity;     /* to be restored */
	struct trace *elements; /* one per CPU */
};

static int run_begin(struct sluice *sw, struct run *run, struct sluice_error *error)
{
	int cpus = libbpf_num_possible_cpus();
	cpu_set_t here;
	int err;

	run->elements = cpus > 0 ? calloc(cpus, sizeof(*run->elements)) : NULL;
	if (!run->elements)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	run->lock = open(sw->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run->lock < 0 || flock(run->lock, LOCK_EX)) {
		err = -errno;
		sluice_error_set(error, err, "%s can not be locked: %s", sw->state, strerror(-err));
		goto fail;
	}
	run->cpu = sched_getcpu();
	CPU_ZERO(&here);
	CPU_SET(run->cpu < 0 ? 0 : run->cpu, &here);
	if (run->cpu < 0 || sched_getaffinity(0, sizeof(run->affinity), &run->affinity) ||
	    sched_setaffinity(0, sizeof(here), &here)) {
		err = -errno;
		sluice_error_set(error, err, "the thread can not stay on its CPU: %s",
				 strerror(-err));
		goto fail;
	}
	return 0;
fail:
	if (run->lock >= 0)
		close(run->lock);
	free(run->elements);
	return err;
}

static void run_end(struct run *run)
{
	sched_setaffinity(0, sizeof(run->affinity), &run->affinity);
	close(run->lock);
	free(run->elements);
}

/* Writes the request, runs program once on the frame and reads the result. */
static int run_once(struct sluice *sw, int program, const struct trace_request *request,
		    struct bpf_test_run_opts *options, struct trace_result *result,
		    struct sluice_error *error)
{
	int cpus = libbpf_num_possible_cpus();
	struct run run;
	__u32 zero = 0;
	int err;

	err = run_begin(sw, &run, error);
	if (err)
		return err;
	for (int cpu = 0; cpu < cpus; cpu++)
		run.elements[cpu].request = *request;
	err = bpf_map_update_elem(sw->map.traces, &zero, run.elements, BPF_ANY);
	if (!err)
		err = bpf_prog_test_run_opts(program, options);
	if (!err)
		err = bpf_map_lookup_elem(sw->map.traces, &zero, run.elements);
	if (err) {
		err = -errno;
		sluice_error_set(error, err, "the program can not be run: %s", strerror(-err));
	} else {
		*result = run.elements[run.cpu].result;
	}
	run_end(&run);
	return err;
}

int sluice_query_run(struct sluice *sw, const struct query *query, struct trace_result *result,
		     struct sluice_error *error)
{
	struct trace_request request = { .query = *query };
	unsigned char frame[64] = { 0 }; /* test runs want one; the program does not look at it */
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);

	return run_once(sw, sw->program.sluice_query, &request, &options, result, error);
}

int xsk_count_consumers(struct sluice *sw, __u32 slot, unsigned int *count,
			struct sluice_error *error)
{
	struct trace_request request = { .slot = slot };
	unsigned char frame[64] = { 0 };
	struct trace_result result;
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);
	int err = run_once(sw, sw->program.sluice_consumers, &request, &options, &result, error);

	if (!err)
		*count = options.retval;
	return err;
}

/* The frames that end before their first header does: test runs refuse them, and no Ethernet device
 * hands over one without an Ethernet header. What becomes of them is known without a run. */
static bool is_stump(const unsigned char *frame, size_t size, struct trace_result *result)
{
	size_t header = 0;
	__u16 type;

	memset(result, 0, sizeof(*result));
	result->stages = 1U << STAGE_PARSE;
	result->drop_stage = STAGE_PARSE;
	result->reason = DROP_FRAME_SHORT;
	if (size < ETHERNET_HEADER_BYTES)
		return true;
	type = frame[ETHER_TYPE_OFFSET] << 8 | frame[ETHER_TYPE_OFFSET + 1];
	if (type == ETHER_TYPE_IPV4)
		header = IPV4_HEADER_BYTES;
	else if (type == ETHER_TYPE_IPV6)
		header = IPV6_HEADER_BYTES;
	result->parsed.ether_type = htons(type);
	result->parsed.has = PARSED_ETHERNET;
	result->reason = DROP_IP_HEADER;
	return size < ETHERNET_HEADER_BYTES + header;
}

int sluice_trace_run(struct sluice *sw, const char *port, bool keep_flows,
		     const unsigned char *frame, size_t captured, size_t length, unsigned char *out,
		     struct trace_result *result, struct sluice_error *error)
{
	struct trace_request request = { .keep_flows = keep_flows, .length = length };
	/* No header lies behind what is run; the length tells of the rest. */
	size_t size = captured < SLUICE_FRAME_RUN ? captured : SLUICE_FRAME_RUN;
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = size,
		    .data_out = out, .data_size_out = SLUICE_FRAME_MAX, .repeat = 1);
	struct trace_result stump;
	int slot, err;

	slot = sluice_port_slot(sw, port, error);
	if (slot < 0)
		return slot;
	request.slot = slot;
	if (is_stump(frame, captured, &stump)) {
		*result = stump;
		return 0;
	}
	err = run_once(sw, sw->program.sluice_trace, &request, &options, result, error);
	if (err == -EINVAL || err == -EMSGSIZE)
		return sluice_error_set(error, err,
					"the kernel can not test-run a frame of %zu bytes", size);
	if (!err)
		result->out_length = result->verdict == TRACE_DELIVER ? options.data_size_out : 0;
	return err;
}
