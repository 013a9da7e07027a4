/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames as sentences: who sends what to whom.
 *
 * A struct sentence with nothing but `from`, `to` and `family` set is what an honest stack would
 * send; every other field is a deviation from that. Checksums are worked out by a plain routine
 * that shares nothing with bpf/checksum.h, so the two can be compared.
 */
#ifndef SLUICE_TESTS_PACKET_H
#define SLUICE_TESTS_PACKET_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define FRAME_ROOM 2048

struct frame {
	unsigned char bytes[FRAME_ROOM];
	size_t length;
	__u16 segment; /* tc: the payload of each packet that it will be cut into (GSO); 0: it is one */
};

/* Somebody with a port of the test document (tests/harness/bpf_switch.h). */
struct actor {
	const char *name;
	const char *device;
	unsigned char mac[6];
	const char *address4;
	const char *address6;
};

/* alice and bob live in blue/web, carol in blue/db. dave and erin live in red/web and are the
 * doubles of alice and bob: the same addresses in another vnet. */
extern const struct actor alice, bob, carol, dave, erin;

/* The address of an actor in a family, as text. */
const char *address_of(const struct actor *actor, int family);

enum {
	FLAG_FIN = 0x01,
	FLAG_SYN = 0x02,
	FLAG_RST = 0x04,
	FLAG_PSH = 0x08,
	FLAG_ACK = 0x10,
	FLAG_URG = 0x20,
};

#define SENTENCE_VLANS      4
#define SENTENCE_EXTENSIONS 12

struct sentence {
	const struct actor *from;
	const struct actor *to;
	int family;             /* AF_INET or AF_INET6 */
	int protocol;           /* 0: UDP. IPPROTO_ICMP means ICMPv6 in IPv6 */
	__u16 source_port;      /* 0: 40000 */
	__u16 destination_port; /* 0: 443 */
	size_t payload;         /* bytes behind the transport header */

	__u8 flags; /* TCP; 0 means none */
	__u32 sequence;
	__u32 acknowledgment;
	__u8 icmp_type;
	__u8 icmp_code;
	__u16 icmp_id;
	__u16 icmp_sequence;
	const struct frame *quote; /* an ICMP error quotes this frame's packet as its payload */

	const unsigned char *source_mac;      /* NULL: from's */
	const unsigned char *destination_mac; /* NULL: the switch's */
	const char *source;                   /* NULL: from's address */
	const char *destination;              /* NULL: to's address */
	__u8 ttl;                             /* 0: 64 */
	int vlans;                            /* how many VLAN tags */
	__u16 vlan[SENTENCE_VLANS];
	const unsigned char *options;        /* IPv4 options */
	size_t options_length;               /* a multiple of 4 */
	__u8 extension[SENTENCE_EXTENSIONS]; /* IPv6 extension headers of 8 bytes; 0 ends: see .c */
};

/* IPPROTO_HOPOPTS is 0, which ends the list of extensions: it is written so. */
#define EXTENSION_HOPOPTS 254

struct frame say(const struct sentence *sentence);
#define SAY(...) say(&(struct sentence){ __VA_ARGS__ })

/* The frame with a VLAN tag before whatever it has. */
struct frame tagged(const struct frame *frame, __u16 vlan);

/* The bytes begin..end of the whole frame's IP payload, in units of 8, as a fragment of it; what
 * lies behind the payload's end is left out and clears "more fragments". */
struct frame fragment_of(const struct frame *whole, unsigned int begin, unsigned int end, __u32 id);

struct arp {
	const unsigned char *source_mac;      /* of the Ethernet header; NULL: sender_mac */
	const unsigned char *destination_mac; /* NULL: broadcast */
	int operation;                        /* 0: request */
	const unsigned char *sender_mac;
	const char *sender;
	const unsigned char *target_mac; /* NULL: zeros */
	const char *target;
};

struct frame say_arp(const struct arp *arp);
#define SAY_ARP(...) say_arp(&(struct arp){ __VA_ARGS__ })

struct neighbor {
	const unsigned char *source_mac;
	const unsigned char *destination_mac; /* NULL: the multicast MAC of `destination` */
	const char *source;
	const char *destination; /* NULL: the solicited-node address of target */
	const char *target;
	int type;                        /* 0: solicitation (135); 136: advertisement */
	__u32 flags;                     /* of an advertisement, host order */
	const unsigned char *option_mac; /* link-layer address option; NULL: none */
	__u8 hop_limit;                  /* 0: 255 */
};

struct frame say_neighbor(const struct neighbor *neighbor);
#define SAY_NEIGHBOR(...) say_neighbor(&(struct neighbor){ __VA_ARGS__ })

/* Where the layers of a frame that say() could have made begin; l4 is 0 in a later fragment. */
struct layers {
	size_t l3;
	size_t l4;
	size_t end;    /* of the IP packet; what follows is padding */
	int family;    /* 0: not IP */
	__u8 protocol; /* of the transport */
	bool fragment;
};

struct layers layers_of(const struct frame *frame);

/* The Internet checksum (RFC 1071), a byte pair at a time, going on from sum. */
__u32 checksum_add(__u32 sum, const void *bytes, size_t length);
__u16 checksum_fold(__u32 sum);
/* Writes every checksum of the frame anew. Fragments keep their transport's. */
void checksums_write(struct frame *frame);
/* Whether every checksum of the frame is right; a UDP checksum of zero over IPv4 is. */
bool checksums_right(const struct frame *frame);

/* Big-endian fields at an offset. */
__u16 frame_get16(const struct frame *frame, size_t offset);
void frame_set16(struct frame *frame, size_t offset, __u16 value);
__u32 frame_get32(const struct frame *frame, size_t offset);
void frame_set32(struct frame *frame, size_t offset, __u32 value);

/* What the switch should make of the frame: MACs, and the TTL lowered by hops. */
struct frame forwarded(const struct frame *frame, const unsigned char *source_mac,
		       const unsigned char *destination_mac, int hops);

/* The switch's own MAC; set when the test switch is opened. */
extern unsigned char switch_address[6];

#endif
