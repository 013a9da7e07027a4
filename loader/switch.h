/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * struct sluice: an open switch, as the files of loader/ share it.
 */
#ifndef SLUICE_LOADER_SWITCH_H
#define SLUICE_LOADER_SWITCH_H

#include <sys/types.h>
#include <time.h>

#include "loader/compile.h"
#include "maps/control.h"

#define SLUICE_PIN_ROOT "/sys/fs/bpf/sluice"
#define SLUICE_STATE_ROOT "/run/sluice"

/* The pinned maps, by the name they are pinned under. X(name) */
#define SWITCH_MAPS(X)                                                                    \
	X(control) X(tables) X(flows) X(flow_details) X(flow_tags) X(flow_locks)          \
	X(flow_usage) X(flow_sweeper) X(fragments) X(port_counters) X(rule_counters)      \
	X(devices) X(devices_tc) X(sending_vfs) X(events) X(event_budgets) X(traces) X(consumers) \
	X(offloads)

/* The pinned programs. X(name) */
#define SWITCH_PROGRAMS(X)                                                                \
	X(sluice_xdp) X(sluice_tc) X(sluice_trace) X(sluice_query) X(sluice_settle)       \
	X(sluice_import) X(sluice_start) X(sluice_uplink_xdp) X(sluice_uplink_tc)         \
	X(sluice_pass) X(sluice_consumers) X(sluice_carried)

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
	struct flow_details *flow_details;
	__u64 *flow_tags;        /* by bucket */
	__u32 flow_buckets;
	__u64 *flow_usage;       /* by slot */
	struct ids *slots;
	struct ids *rules;
	struct {                 /* which file the numbers are from, and when it was written */
		ino_t inode;
		struct timespec time;
	} slots_file, rules_file;
	/* The running version's document, read when first needed; see switch_config(). */
	struct sluice_config *config;
	__u32 config_version;
	__u32 numbered_version;  /* whose edits' numbers `rules` has; 0: perhaps none */
	struct overlays *overlays; /* what sluice_change() remembers between two calls, or NULL */
	char rule_name[144];     /* what sluice_rule_name() returned last */
};

/* The root of the running version; valid until the next commit wraps around: copy what you keep. */
const struct root *switch_root(const struct sluice *sw);
/* The running version's document, cached in sw; NULL and error set on failure. */
const struct sluice_config *switch_config(struct sluice *sw, struct sluice_error *error);

/* --- how a switch comes to be open (loader/open.c) --- */

/* A struct sluice that holds only its name and paths; every descriptor is -1. Enters options->netns. */
int switch_new(const struct sluice_options *options, struct sluice **sw,
	       struct sluice_error *error);
/* Maps the memory of control, tables, flows, their details and flow_usage and makes the two name spaces. */
int switch_map_memory(struct sluice *sw, struct sluice_error *error);
/* Whether this build may write for the running programs, and put its own in their place. */
int switch_check_layout(const struct sluice *sw, struct sluice_error *error);
/* Reads the numbers of slots and rules from the state directory unless their files are those of
 * before. */
int switch_read_ids(struct sluice *sw, struct sluice_error *error);
/* Says that the numbers in memory are those of the files. */
int switch_note_ids(struct sluice *sw, struct sluice_error *error);
/* Says that they may not be. */
void switch_doubt_ids(struct sluice *sw);

/* --- its flows (loader/flows.c) --- */

/* The timeouts of the states. */
extern const unsigned int flow_idle_seconds[FLOW_STATE_COUNT];
/* The programs' time. */
__u32 flow_tick(void);
/* What an entry says, at whatever moments its parts are read. */
void flow_read(const struct flow *line, const struct flow_detail *detail, struct sluice_flow *copy);
/* A consistent copy of an entry; false when programs kept rewriting it, or its time is over. *claim is
 * what the entry was found under. */
bool flow_copy(const struct flow *line, const struct flow_detail *detail, struct sluice_flow *copy,
	       __u32 *claim);
/* Settles what all flows have counted, so that rule counters have every packet from before the call. */
int flows_settle(const struct sluice *sw, struct sluice_error *error);

/* --- its memory (loader/memory.c) --- */

/* How many buckets a flow table with room for that many flows has. */
__u32 flow_buckets_for(unsigned int flows);
/* Refuses a document that wants a flow table of another size than the running one's. */
int flow_size_check(const struct sluice *sw, const struct sluice_config *config,
		    struct sluice_error *error);
/* What the switch's maps take, by the kernel's word. */
int switch_memory(const struct sluice *sw, struct sluice_memory *memory,
		  struct sluice_error *error);

/* --- programs and maps (loader/load.c, loader/host.c) --- */

/* The calling thread goes into this network namespace. */
int switch_enter_netns(const char *name, struct sluice_error *error);
/* Root and capabilities. */
int host_check_privileges(struct sluice_error *error);
/* These, kernel, BTF and bpffs: what every command that changes a switch needs. */
int host_check(struct sluice_error *error);
/* Loads the object, with room for that many flows, pins its maps and programs under sw->pins and fills
 * sw->map and sw->program. */
int switch_load(struct sluice *sw, unsigned int flows, struct sluice_error *error);
/* Opens what switch_load pinned. -ENOTCONN when it is not there. */
int switch_open_pins(struct sluice *sw, struct sluice_error *error);
/* Starts the sweep timer of the loaded programs and stops the one of programs before them. */
int switch_start_sweep(struct sluice *sw, struct sluice_error *error);

/* --- a version (loader/commit.c) --- */

enum commit_flags {
	COMMIT_TOLERATE_MISSING = 1 << 0, /* a device that is not there is no error */
	COMMIT_ALWAYS = 1 << 1,           /* a new version even when nothing differs */
};

int switch_commit(struct sluice *sw, const struct sluice_config *config, const char *why,
		  unsigned int flags, unsigned int *version, struct sluice_error *error);
/* Undoes what a killed writer left between the running version and its own. Caller holds the lock. */
int switch_heal(struct sluice *sw, struct sluice_error *error);

/* Called at each step of a change with its name. Does nothing; a test program defines its own, to
 * die there. */
void sluice_test_step(const char *step);

/* --- taking it off (loader/down.c) --- */

/* Detaches and removes everything of the switch but the lock's file and directory. Caller holds the
 * lock. */
int switch_clear(struct sluice *sw, struct sluice_error *error);
/* The same, and the lock's file and empty directories in the end. */
int switch_remove(struct sluice *sw, struct sluice_error *error);

#endif
