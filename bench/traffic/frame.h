/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame that is sent: Ethernet, IPv4 or IPv6, UDP and a mark. Over IPv4 it has 60 bytes (64 with the
 * wire's checksum), over IPv6, whose header is longer by 20, 80. */
#ifndef SLUICE_BENCH_FRAME_H
#define SLUICE_BENCH_FRAME_H

#define MOST_FRAME_LENGTH 80
#define MOST_FRAME_WORDS  8
#define FRAME_MARK        0x6c75 /* behind the UDP header */

/* Where things are in the frames of an IP version. */
struct frame_shape {
	unsigned int length;
	unsigned int words; /* of 8 bytes: the headers and the mark */
	unsigned int ports; /* offset */
	unsigned int mark;  /* offset */
};

#define FRAME_OVER_IPV4 { .length = 60, .words = 6, .ports = 34, .mark = 42 }
#define FRAME_OVER_IPV6 { .length = 80, .words = 8, .ports = 54, .mark = 62 }

/* Flow n has source port FIRST_PORT + n % PORTS_A_SIDE, destination port FIRST_PORT + n / PORTS_A_SIDE;
 * so every port of up to 2^28 flows is from FIRST_PORT to LAST_PORT. */
#define FIRST_PORT   16384
#define LAST_PORT    32767
#define PORTS_A_SIDE 16384

struct ports {
	unsigned short source, destination; /* in the order of the network */
};

struct frame_mark {
	unsigned short value;
};

#endif
