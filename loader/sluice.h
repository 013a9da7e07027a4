/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libsluice: drive the sluice switch.
 *
 * Every function that can fail returns 0 or a negative errno value and, where it takes a struct
 * sluice_error, fills it with one sentence for a person; outputs are untouched on failure. The
 * library prints nothing and keeps no global state. Addresses are in network byte order inside
 * struct ip_address; every number is in host order unless its type says __be. Strings and lists
 * inside a struct sluice_config belong to the config; everything returned through a pointer to pointer
 * belongs to the caller, who frees it with the function named beside it. json_t references
 * returned are new ones.
 *
 * Errors in common use: -EINVAL the input is wrong; -ENOENT there is no such thing; -EEXIST it is
 * there already; -EBUSY somebody else holds it; -EPERM a privilege is missing; -ENOTSUP this
 * kernel or build can not; -ENOSPC a table is full; -ENODEV the device is not there; -ENOTCONN the
 * switch is not up.
 */
#ifndef SLUICE_H
#define SLUICE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "loader/sluice_document.h"
#include "maps/base.h"
#include "maps/classifier.h"
#include "maps/counters.h"
#include "maps/drop_reasons.h"
#include "maps/event.h"
#include "maps/flow.h"
#include "maps/port.h"
#include "maps/trace.h"
#include "maps/tunnel.h"
#include "maps/xsk.h"

#define SLUICE_DEFAULT_SWITCH "sw0"

/* --- errors ------------------------------------------------------------------------------ */

struct sluice_error {
	char message[480]; /* what is wrong and what to do, one line, no full stop, no place */
	char file[256];    /* the file it is in; "" when it is not in a file */
	unsigned int line;   /* from 1; 0: unknown */
	unsigned int column; /* from 1 */
};

/* Fills error (may be NULL) with a printf-style sentence and returns code (negative errno). */
int sluice_error_set(struct sluice_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* --- the document: what the switch shall be (loader/sluice_document.h) ---------------------- */

/* Reads a document (CONTRACT's YAML) and validates it whole. path "-" is standard input. The
 * error has file, line and column. Free with sluice_config_free. */
int sluice_config_read(const char *path, struct sluice_config **config, struct sluice_error *error);
/* The same from memory; name stands for the file in errors. */
int sluice_config_parse(const char *text, size_t length, const char *name,
			struct sluice_config **config, struct sluice_error *error);
/* An empty document for the switch NAME. */
int sluice_config_new(const char *name, struct sluice_config **config, struct sluice_error *error);
int sluice_config_copy(const struct sluice_config *from, struct sluice_config **to,
		       struct sluice_error *error);
void sluice_config_free(struct sluice_config *config);
/* Writes the document as sluice_config_read reads it; canonical: the same config always gives
 * the same text. */
int sluice_config_write(const struct sluice_config *config, FILE *stream,
			struct sluice_error *error);
/* Everything that can be said against a document without looking at the host: names, overlaps,
 * priorities, references. Errors have the place of the offending item when it is known. */
int sluice_config_validate(const struct sluice_config *config, struct sluice_error *error);

/* --- single things of the document --------------------------------------------------------- */

/* Kinds of things the CLI's nouns name. SUBNET and VNET_ADDRESS live in a vnet, ROUTE in a route table,
 * NSG_RULE in an nsg, ACL_RULE in an acl: `parent` is that one's name, and NULL for all other kinds.
 * SWITCH and TUNNEL have no name and can only be updated. */
enum sluice_kind {
	SLUICE_SWITCH,
	SLUICE_UPLINK, /* named by its device */
	SLUICE_TUNNEL,
	SLUICE_REMOTE,
	SLUICE_VNET,
	SLUICE_SUBNET,
	SLUICE_VNET_ADDRESS, /* named by its address */
	SLUICE_ROUTE_TABLE,
	SLUICE_ROUTE, /* named by its prefix */
	SLUICE_TAG,
	SLUICE_ASG,
	SLUICE_ACL,
	SLUICE_ACL_RULE,
	SLUICE_NSG,
	SLUICE_NSG_RULE,
	SLUICE_PORT,
	SLUICE_STEER,
	SLUICE_NAT,
	SLUICE_LB,
	SLUICE_KIND_COUNT,
};

struct schema_value;

/* One key of a kind, as the file spells it; nested maps with a dot: "guards.spoofing". */
struct sluice_field {
	const char *key;
	const char *type;    /* for help: "name", "MAC", "prefix list", "allow|deny", ... */
	const char *help;    /* one phrase */
	bool required;
	bool list;
	const struct schema_value *value; /* the library's own: how it is read and written */
};

/* The fields of a kind that can be set, in the file's order, ended by one whose key is NULL; static.
 * What names a thing and what lives in it (a vnet's subnets, an nsg's rules) is not among them. */
const struct sluice_field *sluice_fields(enum sluice_kind kind);
/* "vnet", "nsg rule", ... */
const char *sluice_kind_name(enum sluice_kind kind);
/* Whether there is one of it in every document, which nothing names: the switch, its tunnel. */
static inline bool sluice_kind_is_single(enum sluice_kind kind)
{
	return kind == SLUICE_SWITCH || kind == SLUICE_TUNNEL;
}

/* A value for one key; lists take many values, others one. An empty list empties it: a rule's
 * then means any. No value, or "", takes back what is not required: `nsg` to none. */
struct sluice_setting {
	const char *key;
	const char *const *values;
	size_t count;
};

/* Change one thing of a config. -EEXIST / -ENOENT when it is, or is not, there. The result is not
 * validated as a whole: sluice_commit does that. before: position for an ACL rule, the name of
 * the rule to stand before, NULL at the end. */
int sluice_config_add(struct sluice_config *config, enum sluice_kind kind, const char *parent,
		      const char *name, const struct sluice_setting *settings, size_t count,
		      const char *before, struct sluice_error *error);
int sluice_config_update(struct sluice_config *config, enum sluice_kind kind, const char *parent,
			 const char *name, const struct sluice_setting *settings, size_t count,
			 struct sluice_error *error);
int sluice_config_delete(struct sluice_config *config, enum sluice_kind kind, const char *parent,
			 const char *name, struct sluice_error *error);
/* One thing with the file's keys; name NULL: a JSON array of all of that kind (and parent). NULL
 * when there is none of that name or memory is short. */
json_t *sluice_config_json(const struct sluice_config *config, enum sluice_kind kind,
			   const char *parent, const char *name);
/* What changes from one document to the other: an array of {"change":"add|remove|update",
 * "kind":"nsg rule","name":"web/https","from":{...},"to":{...}}; empty when they are the same. */
json_t *sluice_config_diff(const struct sluice_config *from, const struct sluice_config *to);

/* --- a switch ------------------------------------------------------------------------------ */

struct sluice;

struct sluice_options {
	const char *name;  /* NULL: sw0 */
	const char *netns; /* name under /run/netns; NULL: the caller's. The calling thread enters it. */
};

/* Opens a running switch for reading and writing. -ENOTCONN when it is not up. Never waits; what a
 * killed writer left behind is healed by the next sluice_lock. Close with sluice_close. */
int sluice_open(const struct sluice_options *options, struct sluice **sw,
		struct sluice_error *error);
void sluice_close(struct sluice *sw);

/* Loads the programs, makes maps and pins, attaches what config names and runs it as version 1.
 * -EEXIST when the switch is up. Fails whole: nothing of it stays. */
int sluice_up(const struct sluice_options *options, const struct sluice_config *config,
	      struct sluice_error *error);
/* Detaches everything, removes pins and state. 0 also when parts of it were gone already;
 * -ENOTCONN when there is nothing at all. */
int sluice_down(const struct sluice_options *options, struct sluice_error *error);
/* Replaces the programs of a running switch by this library's, under live links, with flow table,
 * counters and policy kept. */
int sluice_upgrade(struct sluice *sw, struct sluice_error *error);

/* The running version's number and document. Free the config with sluice_config_free. */
int sluice_running(struct sluice *sw, unsigned int *version, struct sluice_config **config,
		   struct sluice_error *error);

/* The running version's number alone. */
unsigned int sluice_running_version(const struct sluice *sw);

/* A writer's turn: between begin and end (or death) no other writer gets in. wait_seconds 0: fail
 * at once with -EBUSY naming the holder's pid. Commands read, change and commit inside one. */
int sluice_lock(struct sluice *sw, unsigned int wait_seconds, struct sluice_error *error);
void sluice_unlock(struct sluice *sw);

/* What sluice_commit would refuse without a look at the host: what does not make sense, and what can
 * not be changed while the switch is up. */
int sluice_check(const struct sluice *sw, const struct sluice_config *config,
		 struct sluice_error *error);

/* Makes the switch what config says: validates, resolves devices, builds the next version,
 * attaches what is new, switches with one store, detaches what is gone. why: for the history ("apply
 * net.yaml"). Caller holds the lock. On failure nothing has changed. *version: the new one's number, or
 * the running one's when nothing differs. */
int sluice_commit(struct sluice *sw, const struct sluice_config *config, const char *why,
		  unsigned int *version, struct sluice_error *error);

/* One edit of the running document and its commit: what sluice_config_add, _update or _delete and
 * sluice_commit do. A rule added to an NSG or ACL takes time that does not depend on how many
 * rules there are: its version is laid and written as what was added to the one before, of which
 * only each 256th is made whole. Devices are then not looked for. Caller holds the lock. */
enum sluice_edit_verb {
	SLUICE_EDIT_ADD,
	SLUICE_EDIT_UPDATE,
	SLUICE_EDIT_DELETE,
};

struct sluice_edit {
	enum sluice_edit_verb verb;
	enum sluice_kind kind;
	const char *parent;
	const char *name;
	const struct sluice_setting *settings;
	size_t setting_count;
	const char *before; /* as in sluice_config_add */
};

int sluice_change(struct sluice *sw, const struct sluice_edit *edit, const char *why,
		  unsigned int *version, struct sluice_error *error);

struct sluice_version {
	unsigned int number;
	long long time; /* seconds since the epoch */
	bool running;
	char why[128];
};

/* Versions kept, oldest first (the last 32). Free the array with free(). */
int sluice_history(struct sluice *sw, struct sluice_version **versions, size_t *count,
		   struct sluice_error *error);
/* The document of a kept version. */
int sluice_version_config(struct sluice *sw, unsigned int number, struct sluice_config **config,
			  struct sluice_error *error);

/* Arms a rollback: unless sluice_confirm is called within seconds, a detached process of this library brings
 * back version `number` (0: takes the switch down). Survives the caller and its terminal. */
int sluice_arm_rollback(struct sluice *sw, unsigned int number, unsigned int seconds,
			struct sluice_error *error);
/* Disarms. -ENOENT: nothing is pending. -ESTALE: it was rolled back already. */
int sluice_confirm(struct sluice *sw, struct sluice_error *error);
/* Seconds left until the pending rollback, or -ENOENT. */
int sluice_pending(struct sluice *sw);

/* --- seeing -------------------------------------------------------------------------------- */

/* The queues of a device, and where the work that its frames make is done. */
struct sluice_queues {
	unsigned int receive; /* 0: not known, or the device is not there */
	unsigned int send;
	int node;             /* the NUMA node it hangs on; -1: none is named, or it is no hardware */
	unsigned int nodes;   /* of the host */
	bool interrupts;      /* cpus are those of its interrupts; else those that RPS hands frames to */
	char cpus[64];        /* "0-3"; "": frames are worked on where they are sent */
	char note[160];       /* work that leaves the NIC's node; or "" */
};

struct sluice_port_status {
	char name[64];
	char device[80];
	char vnet[64];
	char subnet[64];
	unsigned int slot;
	unsigned int ifindex;
	enum delivery delivery;
	char why[160];      /* why this delivery: "veth: tc keeps GSO" */
	char drift[160];    /* "" or what is wrong: "device vanished", "program detached" */
	struct sluice_queues placed;
	unsigned long long flows; /* it has, those included whose time is just out */
	unsigned int flow_limit;  /* it may have: flowLimit, or its share of the flow table */
	/* Of an AF_XDP port: */
	char far_end[16];       /* the device that sockets are bound to; "" when it is not found */
	char sockets[256];      /* path of its XSKMAP */
	unsigned int queues;    /* that sockets can be bound to */
	unsigned int consumers; /* of these, have a socket */
	bool zero_copy;         /* the far end's driver can do without copying */
	unsigned long long overrun; /* frames that sockets had no room for: they do not read, or too
				     * slowly. */
	/* Of a port of mode offload, directions of flows that begin there: */
	size_t carried; /* by the NIC */
	size_t refused; /* by the NIC */
};

struct sluice_uplink_status {
	char device[64];
	unsigned int ifindex;
	char hook[16];      /* xdp, xdp-generic, tc */
	bool dispatcher;    /* shared through libxdp's dispatcher */
	char why[160];
	char drift[160];
	struct sluice_queues placed;
};

/* Bytes of kernel memory. */
struct sluice_memory {
	unsigned long long flows;    /* the flow table */
	unsigned long long tables;   /* the policy's */
	unsigned long long counters; /* of ports and rules; before Linux 6.4, of one CPU only */
	unsigned long long other;
};

struct sluice_status {
	char name[64];
	char netns[64];      /* "" for the initial or unnamed one */
	unsigned int version;
	unsigned int table_lines;      /* in all */
	unsigned int table_lines_used; /* by the running version */
	unsigned long long flows; /* in the flow table, those included whose time is just out */
	unsigned long long flow_capacity;
	char flow_warning[256]; /* what the ports may have does not fit in, or is little; else "" */
	struct sluice_memory memory;
	unsigned char mac[6];          /* the switch's own */
	struct sluice_port_status *ports;
	size_t port_count;
	struct sluice_uplink_status *uplinks;
	size_t uplink_count;
};

/* Free with sluice_status_free. */
int sluice_status_get(struct sluice *sw, struct sluice_status **status, struct sluice_error *error);
void sluice_status_free(struct sluice_status *status);

/* Sum over CPUs. port: a port's name, or NULL for slot 0 (frames from no port). */
int sluice_port_counters(struct sluice *sw, const char *port, struct port_counters *counters,
			 struct sluice_error *error);

struct sluice_rule_stat {
	char owner[64]; /* nsg or acl */
	char rule[64];  /* name, or the number of a built-in rule: "65500" */
	bool acl;
	enum direction direction;
	struct rule_counters counters;
};

/* Every rule of the running version, built-in ones included. Free the array with free(). */
int sluice_rule_stats(struct sluice *sw, struct sluice_rule_stat **stats, size_t *count,
		      struct sluice_error *error);

/* "OWNER/RULE" of a rule id of the running version or one before it, or NULL. Belongs to sw, valid until
 * the next call of this function or of one that reads or commits a version. */
const char *sluice_rule_name(struct sluice *sw, unsigned int id);
/* A port's name by slot, or NULL. Belongs to sw, until a version is read or committed. */
const char *sluice_slot_name(struct sluice *sw, unsigned int slot);
/* A vnet's name by vni, or NULL. */
const char *sluice_vni_name(struct sluice *sw, unsigned int vni);
const char *sluice_drop_reason_name(enum drop_reason reason);
const char *sluice_drop_reason_help(enum drop_reason reason);
const char *sluice_flow_state_name(enum flow_state state);
const char *sluice_delivery_name(enum delivery delivery);
/* Text of an address: "10.1.1.4", "fd00::4". text must hold INET6_ADDRSTRLEN (46) bytes. */
const char *sluice_address_text(const struct ip_address *address, char *text);
int sluice_address_parse(const char *text, struct ip_address *address);
bool sluice_address_is_ipv4(const struct ip_address *address);
/* "Tcp", "Udp", "Icmp", "Esp", "Ah", or the number, into text (at least 8 bytes). */
const char *sluice_protocol_text(int protocol, char *text);
int sluice_protocol_parse(const char *text, int *protocol); /* "*" gives SLUICE_ANY */

/* Runs the switch's own stages on questions and frames (maps/trace.h). */
int sluice_query_run(struct sluice *sw, const struct query *query, struct trace_result *result,
		     struct sluice_error *error);
/* A frame of `length` bytes, of which the caller may have only the first `captured`. Headers that
 * were not captured are judged as missing. out: the frame as sent, at least SLUICE_FRAME_MAX bytes;
 * result->out_length of it are there, which is not all of a frame past SLUICE_FRAME_RUN. */
#define SLUICE_FRAME_MAX 65536
#define SLUICE_FRAME_RUN 2560 /* the kernel's test runs take a page, less its own needs */
int sluice_trace_run(struct sluice *sw, const char *port, bool keep_flows,
		     const unsigned char *frame, size_t captured, size_t length,
		     unsigned char *out, struct trace_result *result, struct sluice_error *error);
/* The slot of a port of the running version, or -ENOENT. */
int sluice_port_slot(struct sluice *sw, const char *port, struct sluice_error *error);

/* Where the vnet of a port would send a packet: type is "Port", "Remote", "VirtualAppliance" (the port
 * that a route names), "Gateway", "Internet" or "None"; to is a port's, remote's or subnet's name, or
 * empty, prefix the route that decided. */
struct sluice_next_hop {
	char type[20];
	char to[64];
	char prefix[64];
	char subnet[64];  /* that the destination is in, where no route table says otherwise */
	char table[64];   /* the route table that the route is of; empty: it follows from the vnet */
	char address[64]; /* the next hop that it names */
};
int sluice_next_hop(struct sluice *sw, const char *port, const struct ip_address *destination,
		    struct sluice_next_hop *hop, struct sluice_error *error);

/* Events as they happen. visit gets each; a non-zero return ends it and is returned. Runs until stop()
 * returns true (asked at least twice a second). per_second: records each CPU may send. A last event
 * of kind 0 has only left_out, what was left out after the last record. */
typedef int (*sluice_event_visitor)(const struct event *event, void *context);
int sluice_observe(struct sluice *sw, unsigned int per_second, sluice_event_visitor visit,
		   bool (*stop)(void *context), void *context, struct sluice_error *error);

/* Makes the running version anew whenever a port's or uplink's device comes, goes or is made again.
 * visit gets each version's number, or 0 and why there is none, which the next change tries again. Runs
 * until stop() returns true (asked twice a second); -ENOTCONN when the switch was taken off. */
typedef void (*sluice_agent_visitor)(unsigned int version, const struct sluice_error *, void *);
int sluice_agent(struct sluice *sw, sluice_agent_visitor visit, bool (*stop)(void *context),
		 void *context, struct sluice_error *error);

/* --- the host ------------------------------------------------------------------------------ */

enum sluice_finding_level { SLUICE_OK, SLUICE_SLOWER, SLUICE_CANNOT };

struct sluice_finding {
	enum sluice_finding_level level;
	char subject[64]; /* "kernel BTF", "eth0: native XDP" */
	char text[256];   /* what was found, and the cause */
	char remedy[256]; /* one command, or "" */
};

/* What the doctor has against the devices of ports and uplinks, as they are used, that versions after `since`
 * attached (0: all); nothing that is all right. Free with free(). */
int sluice_warnings(struct sluice *sw, unsigned int since, struct sluice_finding **findings,
		    size_t *count, struct sluice_error *error);

/* What this host, and device when not NULL, can do. Needs no switch. netns: where the device is; as
 * in struct sluice_options. Free with free(). */
int sluice_doctor(const char *netns, const char *device, struct sluice_finding **findings, size_t *count,
		  struct sluice_error *error);

#include "loader/sluice_flow.h"
#include "loader/sluice_move.h"

#endif
