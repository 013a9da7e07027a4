/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/harness/talk.h"

#include <netinet/in.h>
#include <string.h>

struct connection connection_between(struct bpf_switch *sw, const struct actor *client,
				     const struct actor *server, int family)
{
	return (struct connection){ .sw = sw,
				    .client = client,
				    .server = server,
				    .family = family,
				    .client_port = 40000,
				    .server_port = 443,
				    .client_next = 1000,
				    .server_next = 0xfffffff0 };
}

static struct outcome segment(struct connection *connection, bool from_client, __u8 flags,
			      __u32 sequence, __u32 acknowledgment, size_t payload)
{
	const struct actor *from = from_client ? connection->client : connection->server;

	return send_frame(
		connection->sw, from,
		SAY(.from = from, .to = from_client ? connection->server : connection->client,
		    .family = connection->family, .protocol = IPPROTO_TCP,
		    .source_port = from_client ? connection->client_port : connection->server_port,
		    .destination_port =
			    from_client ? connection->server_port : connection->client_port,
		    .flags = flags, .sequence = sequence,
		    .acknowledgment = flags & FLAG_ACK ? acknowledgment : 0, .payload = payload));
}

static struct outcome says(struct connection *connection, bool from_client, __u8 flags,
			   size_t payload)
{
	__u32 *mine = from_client ? &connection->client_next : &connection->server_next;
	__u32 *theirs = from_client ? &connection->server_next : &connection->client_next;
	struct outcome outcome = segment(connection, from_client, flags, *mine, *theirs, payload);

	if (outcome.delivered)
		*mine += (__u32)payload + !!(flags & FLAG_SYN) + !!(flags & FLAG_FIN);
	return outcome;
}

struct outcome client_says(struct connection *connection, __u8 flags, size_t payload)
{
	return says(connection, true, flags, payload);
}

struct outcome server_says(struct connection *connection, __u8 flags, size_t payload)
{
	return says(connection, false, flags, payload);
}

struct outcome client_forges(struct connection *connection, __u8 flags, __u32 sequence,
			     __u32 acknowledgment)
{
	return segment(connection, true, flags, sequence, acknowledgment, 0);
}

struct outcome server_forges(struct connection *connection, __u8 flags, __u32 sequence,
			     __u32 acknowledgment)
{
	return segment(connection, false, flags, sequence, acknowledgment, 0);
}

void shake_hands(struct connection *connection)
{
	struct bpf_switch *sw = connection->sw;

	assert_delivered(client_says(connection, FLAG_SYN, 0), connection->server);
	assert_delivered(server_says(connection, FLAG_SYN | FLAG_ACK, 0), connection->client);
	assert_delivered(client_says(connection, FLAG_ACK, 0), connection->server);
	assert_int_equal(state_of(connection), FLOW_ESTABLISHED);
}

enum flow_state state_of(const struct connection *connection)
{
	const struct sluice_flow *flow = flow_between(connection->sw, connection->client,
					       connection->server, connection->family);

	return flow ? flow->state : FLOW_FREE;
}

struct frame datagram(const struct actor *from, const struct actor *to, int family, __u16 a,
		      __u16 b)
{
	return SAY(.from = from, .to = to, .family = family, .source_port = a,
		   .destination_port = b, .payload = 20);
}

struct frame error_from_gateway(const struct frame *lost, int family, const struct frame *answer,
				__u8 type, __u8 code, __u16 mtu)
{
	size_t header = family == AF_INET ? 14 + 20 + 8 : 14 + 40 + 8;
	size_t payload = answer->length - header;
	struct frame expected =
		SAY(.from = &alice, .to = &alice, .family = family,
		    .source = family == AF_INET ? "10.1.1.1" : "fd00:1:0:1::1",
		    .source_mac = switch_address, .destination_mac = alice.mac,
		    .protocol = IPPROTO_ICMP, .icmp_type = type, .icmp_code = code,
		    .payload = payload, .ttl = answer->bytes[family == AF_INET ? 14 + 8 : 14 + 7]);

	memcpy(expected.bytes + header, lost->bytes + 14, payload);
	/* The last half word of the ICMP header; before it stand zeros. */
	expected.bytes[header - 2] = (unsigned char)(mtu >> 8);
	expected.bytes[header - 1] = (unsigned char)mtu;
	if (family == AF_INET) {
		/* The identification and the fragment word are the switch's to choose. */
		memcpy(expected.bytes + 14 + 4, answer->bytes + 14 + 4, 4);
		expected.bytes[15] = answer->bytes[15];
	}
	checksums_write(&expected);
	return expected;
}
