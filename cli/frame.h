/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building the one frame that `trace` asks about, and capture files.
 */
#ifndef SLUICE_CLI_FRAME_H
#define SLUICE_CLI_FRAME_H

#include "cli/cli.h"

struct frame_plan {
	unsigned char source_mac[6];
	unsigned char destination_mac[6];
	int protocol; /* 1 is ICMPv6 with IPv6 addresses */
	struct ip_address source;
	struct ip_address destination;
	__u16 source_port;
	__u16 destination_port;
	__u8 tcp_flags;
};

#define FRAME_BUILD_MAX 128

/* Lengths and checksums as a stack would send them. Gives the length. */
size_t frame_build(const struct frame_plan *plan, unsigned char frame[FRAME_BUILD_MAX]);
/* "SA" -> bits of the TCP header; -EINVAL for other letters than FSRPAU. */
int tcp_flags_parse(const char *text, __u8 *flags);

/* --- results, shared by trace and replay ---------------------------------------------------- */

const char *trace_verdict_name(const struct trace_result *result);
const char *trace_state_name(const struct trace_result *result);
json_t *parsed_json(const struct trace_parsed *parsed);
int run_replay(struct invocation *invocation, struct sluice *sw, const char *port,
	       const char *path);

#endif
