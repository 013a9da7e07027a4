/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The program at the far end of an AF_XDP port (maps/xsk.h). It is loaded once for each such port,
 * with an XSKMAP of the port's own and over the switch's maps, and hands each frame to the socket
 * of the queue that it came in on. A frame that no socket takes is counted, and goes up the stack
 * or no further, as the running version says; the next of its flow may go elsewhere (bpf/unread.h).
 */
#include "bpf/packet.h"

#include "bpf/unread.h"
#include "maps/counters.h"
#include "maps/xsk.h"

char _license[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 slot; /* of the port, written before the program is loaded */

struct xsk_sockets sockets SEC(".maps");

/* The port as the running version knows it, or NULL. */
static __always_inline const struct port *own_port(void)
{
	const struct control *control = control_get();
	const struct root *root;

	if (!control)
		return NULL;
	root = table_at(*(const volatile __u32 *)&control->root);
	return root && root->version ? port_at(root, slot) : NULL;
}

static __noinline int treat_unread(struct xdp_md *xdp)
{
	const struct port *port = own_port();
	bool pass = port && port->flags & PORT_PASS_UNREAD;
	__u32 key = slot;
	struct port_counters *counters = bpf_map_lookup_elem(&port_counters, &key);

	if (counters) {
		counters->unread++;
		if (!pass)
			counters->drops[DROP_NO_CONSUMER]++;
	}
	if (port)
		doubt_steering(xdp, port);
	return pass ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int sluice_xsk(struct xdp_md *xdp)
{
	long verdict = bpf_redirect_map(&sockets, xdp->rx_queue_index, XDP_ABORTED);

	return verdict == XDP_REDIRECT ? XDP_REDIRECT : treat_unread(xdp);
}
