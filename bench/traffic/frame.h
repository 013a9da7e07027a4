/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame that is sent: Ethernet, IPv4, UDP and a mark, 60 bytes (64 with the wire's checksum). */
#ifndef SLUICE_BENCH_FRAME_H
#define SLUICE_BENCH_FRAME_H

#define FRAME_LENGTH 60
#define FRAME_WORDS  6 /* of 8 bytes: the headers and the mark */
#define PORTS_OFFSET 34
#define MARK_OFFSET  42
#define FRAME_MARK   0x6c75 /* behind the UDP header */

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
