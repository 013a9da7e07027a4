/* SPDX-License-Identifier: BSD-2-Clause */
/* redirect: the bare programs between two devices, attached so that they go with the devices. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>

#include "bench/traffic/frame.h"
#include "bench/traffic/traffic.h"
#include "bench/traffic/traffic.skel.h"

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS, which headers before Linux 6.6 do not have */

static unsigned int device_index(const char *name)
{
	unsigned int ifindex = if_nametoindex(name);

	if (!ifindex)
		die("device %s: %s", name, strerror(errno));
	return ifindex;
}

static void attach_xdp(struct traffic_bpf *traffic, unsigned int from, unsigned int to)
{
	__u32 zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(traffic->maps.bare_device), &zero, &to, 0) ||
	    bpf_xdp_attach((int)from, bpf_program__fd(traffic->progs.bare_xdp), XDP_FLAGS_DRV_MODE,
			   NULL))
		die("XDP on device %u: %s", from, strerror(errno));
}

/* By tcx where there is one, as the switch does; a tcx program that is attached without a link
 * stays until its device goes. */
static void attach_tc(int program, unsigned int from)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)from, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program);
	int error;

	if (!bpf_prog_attach(program, (int)from, (enum bpf_attach_type)TCX_INGRESS, 0))
		return;
	error = bpf_tc_hook_create(&hook);
	if (!error || error == -EEXIST)
		error = bpf_tc_attach(&hook, &options);
	if (error)
		die("tc on device %u: %s", from, strerror(-error));
}

/* A program for each of the two directions: each knows one device. */
static void attach(const char *kind, unsigned int from, unsigned int to)
{
	struct traffic_bpf *traffic = traffic_bpf__open_and_load();

	if (!traffic)
		die("the programs do not load: %s", strerror(errno));
	traffic->bss->other_device = to;
	if (!strcmp(kind, "xdp"))
		attach_xdp(traffic, from, to);
	else if (!strcmp(kind, "tc"))
		attach_tc(bpf_program__fd(traffic->progs.bare_tc), from);
	else if (!strcmp(kind, "tc-peer"))
		attach_tc(bpf_program__fd(traffic->progs.bare_tc_peer), from);
	else
		die("no kind of redirect: %s", kind);
	traffic_bpf__destroy(traffic);
}

int command_redirect(int count, char **arguments)
{
	if (count != 5)
		die("usage: redirect xdp|tc|tc-peer NETNS A B");
	enter_netns(arguments[2]);
	attach(arguments[1], device_index(arguments[3]), device_index(arguments[4]));
	attach(arguments[1], device_index(arguments[4]), device_index(arguments[3]));
	return 0;
}
