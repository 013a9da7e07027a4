/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * struct sluice: an open switch, as the files of loader/ share it.
 */
#ifndef SLUICE_LOADER_SWITCH_H
#define SLUICE_LOADER_SWITCH_H

#include "loader/compile.h"
#include "maps/control.h"

#define SLUICE_PIN_ROOT "/sys/fs/bpf/sluice"
#define SLUICE_STATE_ROOT "/run/sluice"

/* The pinned maps, by the name they are pinned under. X(name) */
#define SWITCH_MAPS(X)                                                                    \
	X(control) X(tables) X(flows) X(flow_locks) X(flow_usage) X(flow_sweeper)         \
	X(fragments) X(port_counters) X(rule_counters) X(devices) X(events)               \
	X(event_budgets) X(traces)

/* The pinned programs. X(name) */
#define SWITCH_PROGRAMS(X)                                                                \
	X(sluice_xdp) X(sluice_tc) X(sluice_trace) X(sluice_query) X(sluice_start)        \
	X(sluice_uplink_xdp) X(sluice_uplink_tc) X(sluice_pass)

struct sluice {
	char name[64];
	char netns[64];          /* "" : the caller's */
	char pins[128];          /* SLUICE_PIN_ROOT/NAME */
	char state[128];         /* SLUICE_STATE_ROOT/NAME */
	int lock_fd;             /* -1: not held */
	struct {
#define X(name) int name;
		SWITCH_MAPS(X)
#undef X
	} map;                   /* file descriptors */
	struct {
#define X(name) int name;
		SWITCH_PROGRAMS(X)
#undef X
	} program;               /* file descriptors */
	struct control *control; /* memory of the map */
	struct table_line *lines;
	__u32 line_count;
	struct flow_bucket *flows;
	__u32 flow_buckets;
	__u64 *flow_usage;       /* by slot */
	struct ids *slots;
	struct ids *rules;
	char rule_name[144];     /* what sluice_rule_name() returned last */
	/* The running version's document, read when first needed; see switch_config(). */
	struct sluice_config *config;
	__u32 config_version;
};

/* The root of the running version; valid until the next commit wraps around: copy what you keep. */
const struct root *switch_root(const struct sluice *sw);
/* The running version's document, cached in sw; NULL and error set on failure. */
const struct sluice_config *switch_config(struct sluice *sw, struct sluice_error *error);

#endif
