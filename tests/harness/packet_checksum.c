/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the layers of a frame are, and its checksums, the plain way. */
#include "tests/harness/packet.h"

#include <netinet/in.h>
#include <string.h>

static void walk_ipv6(const struct frame *frame, struct layers *layers)
{
	size_t at = layers->l3 + 40;
	__u8 next = frame->bytes[layers->l3 + 6];

	layers->end = at + frame_get16(frame, layers->l3 + 4);
	while (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT) {
		bool later = false;
		size_t length = 8;

		if (at + 8 > frame->length)
			return;
		if (next == IPPROTO_FRAGMENT) {
			layers->fragment |= (frame_get16(frame, at + 2) & 0xfff9) != 0;
			later = (frame_get16(frame, at + 2) & 0xfff8) != 0;
		} else {
			length = 8 + frame->bytes[at + 1] * 8U;
		}
		next = frame->bytes[at];
		at += length;
		if (later) {
			layers->protocol = next;
			return;
		}
	}
	layers->protocol = next;
	layers->l4 = at;
}

struct layers layers_of(const struct frame *frame)
{
	struct layers layers = { .l3 = 14 };
	__u16 type = frame_get16(frame, 12);

	while ((type == 0x8100 || type == 0x88a8) && layers.l3 + 4 <= frame->length) {
		type = frame_get16(frame, layers.l3 + 2);
		layers.l3 += 4;
	}
	if (type == 0x0800 && layers.l3 + 20 <= frame->length) {
		__u16 fragment = frame_get16(frame, layers.l3 + 6);

		layers.family = AF_INET;
		layers.protocol = frame->bytes[layers.l3 + 9];
		layers.end = layers.l3 + frame_get16(frame, layers.l3 + 2);
		layers.fragment = (fragment & 0x3fff) != 0;
		if (!(fragment & 0x1fff))
			layers.l4 = layers.l3 + (frame->bytes[layers.l3] & 15) * 4U;
	} else if (type == 0x86dd && layers.l3 + 40 <= frame->length) {
		layers.family = AF_INET6;
		walk_ipv6(frame, &layers);
	}
	if (layers.end > frame->length)
		layers.end = frame->length;
	if (layers.l4 > layers.end)
		layers.l4 = 0;
	return layers;
}

__u32 checksum_add(__u32 sum, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? at[i] : (__u32)at[i] << 8;
	return sum;
}

__u16 checksum_fold(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* The checksum of the transport with its field as it stands: 0 when the field is right. */
static __u16 transport_checksum(const struct frame *frame, const struct layers *layers)
{
	size_t length = layers->end - layers->l4;
	const unsigned char *l3 = frame->bytes + layers->l3;
	__u32 sum = 0;

	if (layers->protocol != IPPROTO_ICMP) {
		sum = layers->family == AF_INET6 ? checksum_add(sum, l3 + 8, 32)
						 : checksum_add(sum, l3 + 12, 8);
		sum += layers->protocol + (__u32)length;
	}
	return checksum_fold(checksum_add(sum, frame->bytes + layers->l4, length));
}

/* Offset of the transport's checksum field in its header; 0: it has none we know. */
static size_t checksum_offset(const struct layers *layers)
{
	size_t room = layers->end - layers->l4;
	size_t offset = 0;

	if (layers->protocol == IPPROTO_TCP)
		offset = 16;
	else if (layers->protocol == IPPROTO_UDP)
		offset = 6;
	else if (layers->protocol == IPPROTO_ICMP || layers->protocol == IPPROTO_ICMPV6)
		offset = 2;
	return layers->l4 && offset + 2 <= room ? offset : 0;
}

void checksums_write(struct frame *frame)
{
	struct layers layers = layers_of(frame);
	size_t offset = checksum_offset(&layers);

	if (layers.family == AF_INET) {
		size_t length = (frame->bytes[layers.l3] & 15) * 4U;

		frame_set16(frame, layers.l3 + 10, 0);
		frame_set16(frame, layers.l3 + 10,
			    checksum_fold(checksum_add(0, frame->bytes + layers.l3, length)));
	}
	if (offset && !layers.fragment) {
		__u16 sum;

		frame_set16(frame, layers.l4 + offset, 0);
		sum = transport_checksum(frame, &layers);
		if (!sum && layers.protocol == IPPROTO_UDP)
			sum = 0xffff;
		frame_set16(frame, layers.l4 + offset, sum);
	}
}

bool checksums_right(const struct frame *frame)
{
	struct layers layers = layers_of(frame);
	size_t offset = checksum_offset(&layers);

	if (layers.family == AF_INET &&
	    checksum_fold(
		    checksum_add(0, frame->bytes + layers.l3, (frame->bytes[layers.l3] & 15) * 4U)))
		return false;
	if (!offset || layers.fragment)
		return true;
	if (layers.protocol == IPPROTO_UDP && layers.family == AF_INET &&
	    !frame_get16(frame, layers.l4 + offset))
		return true;
	return !transport_checksum(frame, &layers);
}
