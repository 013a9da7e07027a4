/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/harness/packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

const struct actor alice = { "alice", "p1", { 2, 0, 0, 0, 0, 0xa1 }, "10.1.1.4", "fd00:1:0:1::4" };
const struct actor bob = { "bob", "p2", { 2, 0, 0, 0, 0, 0xb0 }, "10.1.1.5", "fd00:1:0:1::5" };
const struct actor carol = { "carol", "p3", { 2, 0, 0, 0, 0, 0xca }, "10.1.2.4", "fd00:1:0:2::4" };
const struct actor dave = { "dave", "p4", { 2, 0, 0, 0, 0, 0xda }, "10.1.1.4", "fd00:1:0:1::4" };
const struct actor erin = { "erin", "p5", { 2, 0, 0, 0, 0, 0xe1 }, "10.1.1.5", "fd00:1:0:1::5" };

unsigned char switch_address[6];

const char *address_of(const struct actor *actor, int family)
{
	return family == AF_INET6 ? actor->address6 : actor->address4;
}

/* Frames are small and made by tests alone: running out of room is a mistake in the test. */
static unsigned char *append(struct frame *frame, const void *bytes, size_t length)
{
	unsigned char *at = frame->bytes + frame->length;

	if (frame->length + length > FRAME_ROOM)
		abort();
	if (bytes)
		memcpy(at, bytes, length);
	else
		memset(at, 0, length);
	frame->length += length;
	return at;
}

static void append8(struct frame *frame, __u8 value)
{
	append(frame, &value, 1);
}

static void append16(struct frame *frame, __u16 value)
{
	__u16 big = htons(value);

	append(frame, &big, 2);
}

static void append32(struct frame *frame, __u32 value)
{
	__u32 big = htonl(value);

	append(frame, &big, 4);
}

static void append_address(struct frame *frame, int family, const char *text)
{
	unsigned char bytes[16];

	if (inet_pton(family, text, bytes) != 1)
		abort();
	append(frame, bytes, family == AF_INET6 ? 16 : 4);
}

__u16 frame_get16(const struct frame *frame, size_t offset)
{
	return (__u16)(frame->bytes[offset] << 8 | frame->bytes[offset + 1]);
}

void frame_set16(struct frame *frame, size_t offset, __u16 value)
{
	frame->bytes[offset] = (unsigned char)(value >> 8);
	frame->bytes[offset + 1] = (unsigned char)value;
}

__u32 frame_get32(const struct frame *frame, size_t offset)
{
	return (__u32)frame_get16(frame, offset) << 16 | frame_get16(frame, offset + 2);
}

void frame_set32(struct frame *frame, size_t offset, __u32 value)
{
	frame_set16(frame, offset, (__u16)(value >> 16));
	frame_set16(frame, offset + 2, (__u16)value);
}

static void append_ethernet(struct frame *frame, const unsigned char *destination,
			    const unsigned char *source)
{
	append(frame, destination, 6);
	append(frame, source, 6);
}

static void append_transport(struct frame *frame, const struct sentence *sentence, int protocol)
{
	__u16 source_port = sentence->source_port ? sentence->source_port : 40000;
	__u16 destination_port = sentence->destination_port ? sentence->destination_port : 443;

	switch (protocol) {
	case IPPROTO_TCP:
		append16(frame, source_port);
		append16(frame, destination_port);
		append32(frame, sentence->sequence);
		append32(frame, sentence->acknowledgment);
		append8(frame, 5 << 4);
		append8(frame, sentence->flags);
		append16(frame, 65000);
		append32(frame, 0);
		break;
	case IPPROTO_UDP:
		append16(frame, source_port);
		append16(frame, destination_port);
		append16(frame, (__u16)(8 + sentence->payload));
		append16(frame, 0);
		break;
	case IPPROTO_SCTP:
		append16(frame, source_port);
		append16(frame, destination_port);
		append32(frame, 1);
		append32(frame, 0);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		append8(frame, sentence->icmp_type);
		append8(frame, sentence->icmp_code);
		append16(frame, 0);
		append16(frame, sentence->icmp_id);
		append16(frame, sentence->icmp_sequence);
		break;
	case IPPROTO_ESP:
		append32(frame, 0x1001);
		append32(frame, 1);
		break;
	default:
		break;
	}
}

static void append_payload(struct frame *frame, const struct sentence *sentence)
{
	if (sentence->quote) {
		struct layers quoted = layers_of(sentence->quote);

		append(frame, sentence->quote->bytes + quoted.l3, quoted.end - quoted.l3);
		return;
	}
	for (size_t i = 0; i < sentence->payload; i++)
		append8(frame, (__u8)('a' + i % 26));
}

static void append_ipv4(struct frame *frame, const struct sentence *sentence, int protocol)
{
	append8(frame, (__u8)(0x45 + sentence->options_length / 4));
	append8(frame, 0);
	append16(frame, 0); /* total length: set by say() */
	append16(frame, 0x1234);
	append16(frame, 0x4000); /* do not fragment */
	append8(frame, sentence->ttl ? sentence->ttl : 64);
	append8(frame, (__u8)protocol);
	append16(frame, 0);
	append_address(frame, AF_INET,
		       sentence->source ? sentence->source : sentence->from->address4);
	append_address(frame, AF_INET,
		       sentence->destination ? sentence->destination : sentence->to->address4);
	if (sentence->options_length)
		append(frame, sentence->options, sentence->options_length);
}

static __u8 extension_protocol(__u8 extension)
{
	return extension == EXTENSION_HOPOPTS ? IPPROTO_HOPOPTS : extension;
}

/* Each extension header is eight bytes: padding options, an unused routing type, or a fragment
 * header that says the packet is whole. */
static void append_extensions(struct frame *frame, const struct sentence *sentence, int protocol)
{
	for (int i = 0; i < SENTENCE_EXTENSIONS && sentence->extension[i]; i++) {
		bool last = i + 1 == SENTENCE_EXTENSIONS || !sentence->extension[i + 1];

		append8(frame,
			last ? (__u8)protocol : extension_protocol(sentence->extension[i + 1]));
		append8(frame, 0);
		switch (sentence->extension[i]) {
		case IPPROTO_ROUTING:
			append16(frame, 253 << 8); /* experimental type, no segments left */
			append32(frame, 0);
			break;
		case IPPROTO_FRAGMENT:
			append16(frame, 0);
			append32(frame, 0x77);
			break;
		default:
			append16(frame, 0x0104); /* PadN of four */
			append32(frame, 0);
		}
	}
}

static void append_ipv6(struct frame *frame, const struct sentence *sentence, int protocol)
{
	append32(frame, 6U << 28);
	append16(frame, 0); /* payload length: set by say() */
	append8(frame, sentence->extension[0] ? extension_protocol(sentence->extension[0])
					      : (__u8)protocol);
	append8(frame, sentence->ttl ? sentence->ttl : 64);
	append_address(frame, AF_INET6,
		       sentence->source ? sentence->source : sentence->from->address6);
	append_address(frame, AF_INET6,
		       sentence->destination ? sentence->destination : sentence->to->address6);
	append_extensions(frame, sentence, protocol);
}

struct frame say(const struct sentence *sentence)
{
	bool ipv6 = sentence->family == AF_INET6;
	int protocol = sentence->protocol ? sentence->protocol : IPPROTO_UDP;
	struct frame frame = { .length = 0 };
	size_t l3;

	if (ipv6 && protocol == IPPROTO_ICMP)
		protocol = IPPROTO_ICMPV6;
	append_ethernet(&frame,
			sentence->destination_mac ? sentence->destination_mac : switch_address,
			sentence->source_mac ? sentence->source_mac : sentence->from->mac);
	for (int i = 0; i < sentence->vlans; i++) {
		append16(&frame, i + 1 < sentence->vlans ? 0x88a8 : 0x8100);
		append16(&frame, sentence->vlan[i]);
	}
	append16(&frame, ipv6 ? 0x86dd : 0x0800);
	l3 = frame.length;
	if (ipv6)
		append_ipv6(&frame, sentence, protocol);
	else
		append_ipv4(&frame, sentence, protocol);
	append_transport(&frame, sentence, protocol);
	append_payload(&frame, sentence);
	if (ipv6)
		frame_set16(&frame, l3 + 4, (__u16)(frame.length - l3 - 40));
	else
		frame_set16(&frame, l3 + 2, (__u16)(frame.length - l3));
	checksums_write(&frame);
	return frame;
}

struct frame tagged(const struct frame *frame, __u16 vlan)
{
	struct frame made = *frame;

	memcpy(made.bytes + 16, frame->bytes + 12, frame->length - 12);
	frame_set16(&made, 12, 0x8100);
	frame_set16(&made, 14, vlan);
	made.length += 4;
	return made;
}

struct frame fragment_of(const struct frame *whole, unsigned int begin, unsigned int end, __u32 id)
{
	struct layers layers = layers_of(whole);
	size_t payload = layers.family == AF_INET6
				 ? layers.l3 + 40
				 : layers.l3 + (whole->bytes[layers.l3] & 15) * 4U;
	size_t from = payload + begin * 8U, to = payload + end * 8U;
	bool more = to < layers.end;
	struct frame frame = { .length = 0 };

	if (to > layers.end)
		to = layers.end;
	append(&frame, whole->bytes, payload);
	if (layers.family == AF_INET6) {
		append8(&frame, whole->bytes[layers.l3 + 6]);
		append8(&frame, 0);
		append16(&frame, (__u16)(begin << 3 | more));
		append32(&frame, id);
		frame.bytes[layers.l3 + 6] = IPPROTO_FRAGMENT;
		frame_set16(&frame, layers.l3 + 4, (__u16)(8 + to - from));
	} else {
		frame_set16(&frame, layers.l3 + 2, (__u16)(payload - layers.l3 + to - from));
		frame_set16(&frame, layers.l3 + 4, (__u16)id);
		frame_set16(&frame, layers.l3 + 6, (__u16)((more ? 0x2000 : 0) | begin));
	}
	append(&frame, whole->bytes + from, to - from);
	checksums_write(&frame);
	return frame;
}

struct frame say_arp(const struct arp *arp)
{
	static const unsigned char broadcast[6] = { 255, 255, 255, 255, 255, 255 };
	struct frame frame = { .length = 0 };

	append_ethernet(&frame, arp->destination_mac ? arp->destination_mac : broadcast,
			arp->source_mac ? arp->source_mac : arp->sender_mac);
	append16(&frame, 0x0806);
	append16(&frame, 1);
	append16(&frame, 0x0800);
	append8(&frame, 6);
	append8(&frame, 4);
	append16(&frame, (__u16)(arp->operation ? arp->operation : 1));
	append(&frame, arp->sender_mac, 6);
	append_address(&frame, AF_INET, arp->sender);
	append(&frame, arp->target_mac, 6);
	append_address(&frame, AF_INET, arp->target);
	return frame;
}

struct frame say_neighbor(const struct neighbor *neighbor)
{
	int type = neighbor->type ? neighbor->type : 135;
	unsigned char destination[16], mac[6] = { 0x33, 0x33 };
	struct frame frame = { .length = 0 };

	if (neighbor->destination) {
		if (inet_pton(AF_INET6, neighbor->destination, destination) != 1)
			abort();
	} else {
		unsigned char target[16];

		if (inet_pton(AF_INET6, neighbor->target, target) != 1 ||
		    inet_pton(AF_INET6, "ff02::1:ff00:0", destination) != 1)
			abort();
		memcpy(destination + 13, target + 13, 3);
	}
	memcpy(mac + 2, destination + 12, 4);
	append_ethernet(&frame, neighbor->destination_mac ? neighbor->destination_mac : mac,
			neighbor->source_mac);
	append16(&frame, 0x86dd);
	append32(&frame, 6U << 28);
	append16(&frame, neighbor->option_mac ? 32 : 24);
	append8(&frame, IPPROTO_ICMPV6);
	append8(&frame, neighbor->hop_limit ? neighbor->hop_limit : 255);
	append_address(&frame, AF_INET6, neighbor->source);
	append(&frame, destination, 16);
	append8(&frame, (__u8)type);
	append8(&frame, 0);
	append16(&frame, 0);
	append32(&frame, neighbor->flags);
	append_address(&frame, AF_INET6, neighbor->target);
	if (neighbor->option_mac) {
		append8(&frame, type == 135 ? 1 : 2);
		append8(&frame, 1);
		append(&frame, neighbor->option_mac, 6);
	}
	checksums_write(&frame);
	return frame;
}

struct frame forwarded(const struct frame *frame, const unsigned char *source_mac,
		       const unsigned char *destination_mac, int hops)
{
	struct layers layers = layers_of(frame);
	struct frame out = *frame;

	memcpy(out.bytes, destination_mac, 6);
	memcpy(out.bytes + 6, source_mac, 6);
	if (layers.family == AF_INET6) {
		out.bytes[layers.l3 + 7] = (unsigned char)(out.bytes[layers.l3 + 7] - hops);
	} else if (hops) {
		out.bytes[layers.l3 + 8] = (unsigned char)(out.bytes[layers.l3 + 8] - hops);
		checksums_write(&out);
	}
	return out;
}
