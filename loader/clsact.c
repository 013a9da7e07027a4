/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ingress programs on kernels without tcx: a cls_bpf filter under clsact.
 *
 * Ours is known by its fixed handle and priority. The qdisc is removed with our filter only when we
 * made it and nobody else has put a filter there since.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <unistd.h>

#include "loader/attach.h"
#include "loader/netns.h"
#include "loader/state.h"

#define FILTER_HANDLE 0x51
#define FILTER_PRIORITY 0x51

/* There while the qdisc is ours; made before it, so that a killed writer's is known as ours. */
static void qdisc_mark(__u32 ifindex, char name[32])
{
	snprintf(name, 32, "qdisc-%u", ifindex);
}

int clsact_prepare(const struct sluice *sw, __u32 ifindex, struct sluice_error *error)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	bool ours;
	char mark[32];
	int result;

	qdisc_mark(ifindex, mark);
	ours = state_has(sw, mark);
	if (!ours) {
		result = state_mark(sw, mark, error);
		if (result)
			return result;
	}
	result = bpf_tc_hook_create(&hook);
	if (result && !ours)
		state_remove(sw, mark, NULL);
	if (result && result != -EEXIST)
		return sluice_error_set(error, result,
					"cannot make a clsact qdisc on device %d (%s): an 'ingress' "
					"qdisc there is in the way, see 'tc qdisc show'",
					(int)ifindex, strerror(-result));
	return 0;
}

int clsact_attach(const struct sluice *sw, __u32 ifindex, int program, bool replace,
		  struct sluice_error *error)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY,
		    .prog_fd = program, .flags = replace || clsact_there(ifindex) ? BPF_TC_F_REPLACE : 0);
	int result = clsact_prepare(sw, ifindex, error);

	if (result)
		return result;
	result = bpf_tc_attach(&hook, &options);
	if (!result)
		return 0;
	clsact_detach(sw, ifindex, NULL);
	return sluice_error_set(error, result, "cannot add a filter to device %u: %s", ifindex,
				strerror(-result));
}

static int filter_visit(const struct nlmsghdr *message, void *context)
{
	int *count = context;

	if (message->nlmsg_type == RTM_NEWTFILTER)
		++*count;
	return MNL_CB_OK;
}

static int count_filters(__u32 ifindex, __u32 parent, int *count)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct tcmsg *filter;

	message->nlmsg_type = RTM_GETTFILTER;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	filter = mnl_nlmsg_put_extra_header(message, sizeof(*filter));
	filter->tcm_family = AF_UNSPEC;
	filter->tcm_ifindex = (int)ifindex;
	filter->tcm_parent = parent;
	return netlink_talk(-1, message, filter_visit, count);
}

/* Destroys the qdisc when it is ours and nobody has put anything else there. */
static int remove_qdisc(const struct sluice *sw, __u32 ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int filters = 0, result;
	char mark[32];

	qdisc_mark(ifindex, mark);
	if (!state_has(sw, mark))
		return 0;
	result = count_filters(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), &filters) ?:
		 count_filters(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), &filters);
	if (!result && !filters)
		result = bpf_tc_hook_destroy(&hook);
	if (result && result != -ENOENT && result != -ENODEV && result != -EINVAL)
		return result;
	return state_remove(sw, mark, NULL);
}

int clsact_detach(const struct sluice *sw, __u32 ifindex, struct sluice_error *error)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	int result = 0;

	if (clsact_there(ifindex))
		result = bpf_tc_detach(&hook, &options);
	if (!result || result == -ENOENT || result == -ENODEV)
		result = remove_qdisc(sw, ifindex);
	if (result)
		return sluice_error_set(error, result, "cannot take our filter off device %u: %s",
					ifindex, strerror(-result));
	return 0;
}

bool clsact_there(__u32 ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	bool ours = false;
	int fd;

	if (bpf_tc_query(&hook, &options))
		return false;
	fd = bpf_prog_get_fd_by_id(options.prog_id);
	if (fd < 0)
		return false;
	/* The kernel keeps the first fifteen letters of a program's name. */
	if (!bpf_obj_get_info_by_fd(fd, &info, &length))
		ours = !strncmp(info.name, "sluice_", 7);
	close(fd);
	return ours;
}
