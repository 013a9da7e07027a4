/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Somebody else's XDP program: what an uplink may find on its device.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

SEC("xdp")
int other_pass(struct xdp_md *xdp)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
