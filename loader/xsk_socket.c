/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_XDP sockets for whoever reads a port's far end: libxdp's rings, and whose each frame is.
 *
 * A socket has as many frames as its four rings can hold entries of: free ones lie on a stack here,
 * or in the fill ring, where the kernel takes them to receive into.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_xdp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xdp/xsk.h>

#include "loader/netns.h"
#include "loader/sluice_xsk.h"
#include "loader/xsk.h"

#define FRAME_SIZE   4096
#define DEFAULT_RING 2048
#define MOST_RING    (1U << 20)

_Static_assert(SLUICE_XSK_FRAME + XDP_PACKET_HEADROOM == FRAME_SIZE, "a frame is one page");

struct sluice_xsk {
	struct xsk_socket *socket;
	struct xsk_umem *umem;
	struct xsk_ring_cons receive;
	struct xsk_ring_prod send;
	struct xsk_ring_prod fill;
	struct xsk_ring_cons completion;
	unsigned char *memory;
	size_t memory_size;
	__u64 *free; /* a stack of frames nobody has */
	size_t free_count;
	bool need_wakeup;
	bool zero_copy;
};

/* --- frames -------------------------------------------------------------------------------- */

static void free_frame(struct sluice_xsk *xsk, __u64 address)
{
	xsk->free[xsk->free_count++] = address & ~(__u64)(FRAME_SIZE - 1);
}

/* Gives the kernel as many free frames to receive into as its ring takes. */
static void fill_ring(struct sluice_xsk *xsk)
{
	__u32 room = xsk_prod_nb_free(&xsk->fill, (__u32)xsk->free_count), index;

	if (room > xsk->free_count)
		room = (__u32)xsk->free_count;
	if (!room || xsk_ring_prod__reserve(&xsk->fill, room, &index) != room)
		return;
	for (__u32 i = 0; i < room; i++)
		*xsk_ring_prod__fill_addr(&xsk->fill, index + i) = xsk->free[--xsk->free_count];
	xsk_ring_prod__submit(&xsk->fill, room);
}

/* Takes back what was sent. */
static void reclaim(struct sluice_xsk *xsk)
{
	__u32 index, count = xsk_ring_cons__peek(&xsk->completion, ~0U, &index);

	for (__u32 i = 0; i < count; i++)
		free_frame(xsk, *xsk_ring_cons__comp_addr(&xsk->completion, index + i));
	if (count)
		xsk_ring_cons__release(&xsk->completion, count);
}

size_t sluice_xsk_receive(struct sluice_xsk *xsk, struct sluice_xsk_frame *frames, size_t count)
{
	__u32 index;
	size_t got;

	fill_ring(xsk);
	if (xsk->need_wakeup && xsk_ring_prod__needs_wakeup(&xsk->fill))
		recvfrom(xsk_socket__fd(xsk->socket), NULL, 0, MSG_DONTWAIT, NULL, NULL);
	got = xsk_ring_cons__peek(&xsk->receive, (__u32)(count < MOST_RING ? count : MOST_RING),
				  &index);
	for (size_t i = 0; i < got; i++) {
		const struct xdp_desc *found =
			xsk_ring_cons__rx_desc(&xsk->receive, index + (__u32)i);

		frames[i] = (struct sluice_xsk_frame){ .bytes = xsk->memory + found->addr,
						       .length = found->len,
						       .handle = found->addr };
	}
	if (got)
		xsk_ring_cons__release(&xsk->receive, (__u32)got);
	return got;
}

size_t sluice_xsk_allocate(struct sluice_xsk *xsk, struct sluice_xsk_frame *frames, size_t count)
{
	size_t taken = 0;

	reclaim(xsk);
	for (; taken < count && xsk->free_count; taken++) {
		__u64 address = xsk->free[--xsk->free_count] + XDP_PACKET_HEADROOM;

		frames[taken] = (struct sluice_xsk_frame){ .bytes = xsk->memory + address,
							   .handle = address };
	}
	return taken;
}

size_t sluice_xsk_send(struct sluice_xsk *xsk, const struct sluice_xsk_frame *frames, size_t count)
{
	__u32 room, index;

	reclaim(xsk);
	room = xsk_prod_nb_free(&xsk->send, (__u32)(count < MOST_RING ? count : MOST_RING));
	if (room > count)
		room = (__u32)count;
	if (!room || xsk_ring_prod__reserve(&xsk->send, room, &index) != room)
		return 0;
	for (__u32 i = 0; i < room; i++)
		*xsk_ring_prod__tx_desc(&xsk->send, index + i) =
			(struct xdp_desc){ .addr = frames[i].handle, .len = frames[i].length };
	xsk_ring_prod__submit(&xsk->send, room);
	return room;
}

void sluice_xsk_release(struct sluice_xsk *xsk, const struct sluice_xsk_frame *frames, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free_frame(xsk, frames[i].handle);
	fill_ring(xsk);
}

int sluice_xsk_flush(struct sluice_xsk *xsk)
{
	int result = 0;

	/* A copying socket sends what it is told to send; ENOBUFS and EAGAIN: go on later. */
	if ((!xsk->need_wakeup || xsk_ring_prod__needs_wakeup(&xsk->send)) &&
	    sendto(xsk_socket__fd(xsk->socket), NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 &&
	    errno != EAGAIN && errno != EBUSY && errno != ENOBUFS)
		result = -errno;
	reclaim(xsk);
	fill_ring(xsk);
	return result;
}

/* --- the socket ---------------------------------------------------------------------------- */

int sluice_xsk_fd(const struct sluice_xsk *xsk)
{
	return xsk_socket__fd(xsk->socket);
}

int sluice_xsk_state_get(struct sluice_xsk *xsk, struct sluice_xsk_state *state,
			 struct sluice_error *error)
{
	struct xdp_statistics counted = {};
	socklen_t length = sizeof(counted);

	if (getsockopt(sluice_xsk_fd(xsk), SOL_XDP, XDP_STATISTICS, &counted, &length))
		return sluice_error_set(error, -errno, "cannot ask the AF_XDP socket: %s",
					strerror(errno));
	*state = (struct sluice_xsk_state){
		.zero_copy = xsk->zero_copy,
		.need_wakeup = xsk->need_wakeup,
		.dropped = counted.rx_dropped + counted.rx_ring_full,
		.no_fill = counted.rx_fill_ring_empty_descs,
		.invalid_sent = counted.tx_invalid_descs,
	};
	return 0;
}

static int make_memory(struct sluice_xsk *xsk, __u32 ring)
{
	const struct xsk_umem_config config = { .fill_size = ring,
						.comp_size = ring,
						.frame_size = FRAME_SIZE };
	size_t frames = (size_t)ring * 4;

	xsk->memory_size = frames * FRAME_SIZE;
	xsk->memory = mmap(NULL, xsk->memory_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (xsk->memory == MAP_FAILED) {
		xsk->memory = NULL;
		return -ENOMEM;
	}
	xsk->free = calloc(frames, sizeof(*xsk->free));
	if (!xsk->free)
		return -ENOMEM;
	for (size_t i = frames; i--;)
		free_frame(xsk, i * FRAME_SIZE);
	return xsk_umem__create(&xsk->umem, xsk->memory, xsk->memory_size, &xsk->fill,
				&xsk->completion, &config);
}

static int bind_socket(struct sluice_xsk *xsk, const char *device, unsigned int queue, __u32 ring,
		       const struct sluice_xsk_options *options)
{
	const struct xsk_socket_config config = {
		.rx_size = ring,
		.tx_size = ring,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_USE_NEED_WAKEUP | (options && options->copy ? XDP_COPY : 0),
	};
	struct xdp_options made = {};
	socklen_t length = sizeof(made);
	int result = xsk_socket__create(&xsk->socket, device, queue, xsk->umem, &xsk->receive,
					&xsk->send, &config);

	if (result)
		return result;
	xsk->need_wakeup = config.bind_flags & XDP_USE_NEED_WAKEUP;
	if (getsockopt(sluice_xsk_fd(xsk), SOL_XDP, XDP_OPTIONS, &made, &length))
		return -errno;
	xsk->zero_copy = made.flags & XDP_OPTIONS_ZEROCOPY;
	fill_ring(xsk);
	return 0;
}

void sluice_xsk_close(struct sluice_xsk *xsk)
{
	if (!xsk)
		return;
	if (xsk->socket)
		xsk_socket__delete(xsk->socket);
	if (xsk->umem)
		xsk_umem__delete(xsk->umem);
	if (xsk->memory)
		munmap(xsk->memory, xsk->memory_size);
	free(xsk->free);
	free(xsk);
}

/* The far end of the port's device as it stands now. */
static int find_far_end(struct sluice *sw, const char *port, struct peer *far,
			struct sluice_error *error)
{
	struct attachments attachments = {};
	const struct attachment *found = NULL;
	const struct device *near;
	struct devices devices = {};
	int result = attachments_read(sw, &attachments, error) ?: devices_read(&devices, error);

	for (size_t i = 0; !result && i < attachments.count && !found; i++)
		if (!attachments.list[i].uplink && !strcmp(attachments.list[i].owner, port))
			found = &attachments.list[i];
	near = found ? device_by_index(&devices, found->ifindex) : NULL;
	if (!result && !found)
		result = sluice_error_set(error, -ENOENT, "there is no port \"%s\"", port);
	else if (!result && !found->xsk)
		result = sluice_error_set(error, -EINVAL,
					  "port %s is no AF_XDP port: 'sluice port set %s "
					  "--acceleration af_xdp' makes it one",
					  port, port);
	else if (!result && !near)
		result = sluice_error_set(error, -ENODEV, "port %s: its device is not there", port);
	else if (!result)
		result = peer_find(near, far, error);
	attachments_free(&attachments);
	devices_free(&devices);
	return result;
}

/* From here on the program at the far end finds it. A queue takes one socket only, which binding has
 * seen to. */
static int enter_socket(struct sluice *sw, const char *port, unsigned int queue, int socket)
{
	char path[256];
	int map, result = 0;

	xsk_map_path(sw, port, path);
	map = bpf_obj_get(path);
	if (map < 0)
		return -errno;
	if (bpf_map_update_elem(map, &queue, &socket, BPF_ANY))
		result = -errno;
	close(map);
	return result;
}

static int open_there(struct sluice_xsk *xsk, struct sluice *sw, const char *port,
		      unsigned int queue, __u32 ring, const struct sluice_xsk_options *options,
		      struct sluice_error *error)
{
	struct peer far;
	int own, result = find_far_end(sw, port, &far, error);

	if (result)
		return result;
	own = netns_enter(far.netns);
	result = own < 0 ? own :
			   make_memory(xsk, ring) ?: bind_socket(xsk, far.name, queue, ring, options);
	if (own >= 0)
		netns_leave(own);
	result = result ?: enter_socket(sw, port, queue, sluice_xsk_fd(xsk));
	if (result == -EBUSY)
		sluice_error_set(error, result, "port %s: queue %u of %s has a socket already",
				 port, queue, far.name);
	else if (result == -EINVAL || result == -E2BIG)
		sluice_error_set(
			error, result,
			"port %s: %s has no queue %u: see 'sluice status' for how many it has",
			port, far.name, queue);
	else if (result)
		sluice_error_set(error, result, "port %s: no AF_XDP socket on queue %u of %s: %s",
				 port, queue, far.name, strerror(-result));
	peer_free(&far);
	return result;
}

int sluice_xsk_open(struct sluice *sw, const char *port, unsigned int queue,
		    const struct sluice_xsk_options *options, struct sluice_xsk **xsk,
		    struct sluice_error *error)
{
	__u32 ring = options && options->ring ? options->ring : DEFAULT_RING;
	struct sluice_xsk *made;
	int result;

	if (ring & (ring - 1) || ring > MOST_RING)
		return sluice_error_set(error, -EINVAL,
					"a ring of %u frames: make it a power of "
					"two, at most %u",
					ring, MOST_RING);
	made = calloc(1, sizeof(*made));
	if (!made)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	result = open_there(made, sw, port, queue, ring, options, error);
	if (result) {
		sluice_xsk_close(made);
		return result;
	}
	*xsk = made;
	return 0;
}
