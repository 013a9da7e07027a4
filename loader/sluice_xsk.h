/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libsluice: AF_XDP sockets of a port, for network functions in user space. Errors and ownership as in
 * loader/sluice.h. tests/examples/xsk_forward.c is a small one.
 */
#ifndef SLUICE_XSK_H
#define SLUICE_XSK_H

#include "loader/sluice.h"

/*
 * A socket that receives what the switch delivers to one queue of an AF_XDP port and sends as that
 * port: what it sends enters the switch, is admitted and policed like any guest's frame. One process
 * may have the sockets of several queues and ports; each socket belongs to one thread at a time.
 *
 * Frames lie in the socket's own memory and have one owner at a time. Received and allocated ones
 * are the caller's, who gives each of them up once: sluice_xsk_send (the kernel's until it is sent,
 * then free again) or sluice_xsk_release. All memory goes with sluice_xsk_close.
 */
struct sluice_xsk;

struct sluice_xsk_frame {
	unsigned char *bytes;
	unsigned int length;       /* may be changed up to SLUICE_XSK_FRAME before it is sent */
	unsigned long long handle; /* the library's */
};

#define SLUICE_XSK_FRAME 3840 /* bytes a frame has room for */

struct sluice_xsk_options {
	unsigned int ring; /* frames each ring holds, a power of two; 0: 2048 */
	bool copy;         /* ask for copying where the driver could do without */
};

/* How a socket came to be, and what the kernel counted for it. */
struct sluice_xsk_state {
	bool zero_copy;
	bool need_wakeup;
	unsigned long long dropped;      /* no room in the receiving ring or no memory */
	unsigned long long no_fill;      /* no free frame to receive into */
	unsigned long long invalid_sent; /* frames to be sent that the kernel refused */
};

/* Binds a socket to a queue of a port of the running version and enters it into the port's XSKMAP,
 * from which the kernel takes it when it is closed or its process dies. options may be NULL. sw
 * is not needed afterwards. -EBUSY: the queue has a socket. */
int sluice_xsk_open(struct sluice *sw, const char *port, unsigned int queue,
		    const struct sluice_xsk_options *options, struct sluice_xsk **xsk,
		    struct sluice_error *error);
void sluice_xsk_close(struct sluice_xsk *xsk);
/* For poll(): POLLIN when there is something to receive. */
int sluice_xsk_fd(const struct sluice_xsk *xsk);
int sluice_xsk_state_get(struct sluice_xsk *xsk, struct sluice_xsk_state *state,
			 struct sluice_error *error);
/* Up to count frames that have come in; how many. Does not wait. */
size_t sluice_xsk_receive(struct sluice_xsk *xsk, struct sluice_xsk_frame *frames, size_t count);
/* Up to count free frames to be filled and sent; how many. */
size_t sluice_xsk_allocate(struct sluice_xsk *xsk, struct sluice_xsk_frame *frames, size_t count);
/* Hands over frames to be sent; how many of them, from the first: the ring may be full, and the rest
 * stay the caller's. They leave with sluice_xsk_flush. */
size_t sluice_xsk_send(struct sluice_xsk *xsk, const struct sluice_xsk_frame *frames, size_t count);
void sluice_xsk_release(struct sluice_xsk *xsk, const struct sluice_xsk_frame *frames,
			size_t count);
/* Wakes the kernel where it has to be, and takes back what was sent. 0 or -errno. */
int sluice_xsk_flush(struct sluice_xsk *xsk);

#endif
