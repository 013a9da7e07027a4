/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How many ICMP errors the switch itself sends: a sender is told what becomes of its packets, not of
 * each of them (RFC 1812, 4.3.2.8; RFC 4443, 2.4 f).
 */
#ifndef SLUICE_MAPS_ERRORS_H
#define SLUICE_MAPS_ERRORS_H

#include "base.h"

/* To one port, on one CPU. A stack that makes ten connections at once learns a way's MTU for each. */
#define ERRORS_PER_SECOND 100

struct error_budget {
	__u32 second;
	__u32 sent;
};

#ifdef __bpf__
/* By slot. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLUICE_MAX_PORTS);
	__type(key, __u32);
	__type(value, struct error_budget);
} error_budgets SEC(".maps");
#endif

#endif
