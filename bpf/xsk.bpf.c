/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The program at the far end of an AF_XDP port (maps/xsk.h). It is loaded once for each such port,
 * with an XSKMAP of the port's own and over the switch's maps, and hands each frame to the socket
 * of the queue that it came in on. A frame that no socket takes is counted, and goes up the stack
 * or no further, as the running version says.
 */
#include "maps/control.h"
#include "maps/counters.h"
#include "maps/port.h"
#include "maps/tables.h"
#include "maps/xsk.h"

char _license[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 slot; /* of the port, written before the program is loaded */

struct xsk_sockets sockets SEC(".maps");

static __always_inline void *line_at(__u32 line)
{
	return bpf_map_lookup_elem(&tables, &line);
}

/* Whether the running version wants the port's unread frames passed. */
static __always_inline bool passes_unread(void)
{
	__u32 zero = 0;
	const struct control *state = bpf_map_lookup_elem(&control, &zero);
	const struct root *root;
	const struct port *port;

	if (!state)
		return false;
	root = line_at(*(const volatile __u32 *)&state->root);
	if (!root || !root->version || slot >= root->port_count)
		return false;
	port = line_at(root->ports + slot);
	return port && port->flags & PORT_IN_USE && port->flags & PORT_PASS_UNREAD;
}

static __noinline int treat_unread(void)
{
	__u32 key = slot;
	struct port_counters *counters = bpf_map_lookup_elem(&port_counters, &key);
	bool pass = passes_unread();

	if (counters) {
		counters->unread++;
		if (!pass)
			counters->drops[DROP_NO_CONSUMER]++;
	}
	return pass ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int sluice_xsk(struct xdp_md *xdp)
{
	long verdict = bpf_redirect_map(&sockets, xdp->rx_queue_index, XDP_ABORTED);

	return verdict == XDP_REDIRECT ? XDP_REDIRECT : treat_unread();
}
