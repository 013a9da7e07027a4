/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole exchanges between two actors, for tests about flows. */
#ifndef SLUICE_TESTS_TALK_H
#define SLUICE_TESTS_TALK_H

#include "tests/harness/bpf_switch.h"

/* A TCP connection as its two ends see it; each segment moves the numbers on. */
struct connection {
	struct bpf_switch *sw;
	const struct actor *client;
	const struct actor *server;
	int family;
	__u16 client_port;
	__u16 server_port;
	__u32 client_next; /* next sequence number of each end */
	__u32 server_next;
};

struct connection connection_between(struct bpf_switch *sw, const struct actor *client,
				     const struct actor *server, int family);
/* One segment; SYN, FIN and payload move the sender's number on when it was delivered. */
struct outcome client_says(struct connection *connection, __u8 flags, size_t payload);
struct outcome server_says(struct connection *connection, __u8 flags, size_t payload);
/* The same with a sequence number of one's own, which moves nothing. */
struct outcome client_forges(struct connection *connection, __u8 flags, __u32 sequence,
			     __u32 acknowledgment);
struct outcome server_forges(struct connection *connection, __u8 flags, __u32 sequence,
			     __u32 acknowledgment);
/* SYN, SYN+ACK, ACK, each of which must be delivered. */
void shake_hands(struct connection *connection);
/* The state of the connection's flow; FLOW_FREE when it has none. */
enum flow_state state_of(const struct connection *connection);

/* The error that alice's gateway sends her for `lost`, quoting as much of it as `answer` did. */
struct frame error_from_gateway(const struct frame *lost, int family, const struct frame *answer,
				__u8 type, __u8 code, __u16 mtu);

/* A UDP datagram from port a to port b. */
struct frame datagram(const struct actor *from, const struct actor *to, int family, __u16 a,
		      __u16 b);

#endif
