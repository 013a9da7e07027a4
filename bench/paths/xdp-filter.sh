# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# xdp-filter before a Linux bridge. It can do a part of the job: refuse listed destination ports,
# without states, by a table; RULES ports are listed.

about="xdp-filter (refuses RULES ports, stateless) before a Linux bridge"
filters=yes

path_reason() { command -v xdp-filter >/dev/null || echo "xdp-filter is not installed"; }

# It pins its maps in one place of the host's bpffs. So that nothing of somebody else's is met and
# nothing stays, it gets a bpffs of its own; the programs live on by their devices.
path_up()
{
	(. "$BENCH/paths/bridge.sh" && path_up)
	in_host unshare --mount bash -eu -c '
		mount -t bpf bpf /sys/fs/bpf
		for n in $(seq "$2"); do xdp-filter load --mode native --policy allow --features udp "g$n"; done
		for port in $(seq $(($1 - 1))) 40000; do xdp-filter port --mode dst --proto udp "$port"; done
		' sh "$RULES" "$GUESTS"
	# It exits 1 when it has said its version.
	note="$(xdp-filter load --version 2>&1 || true)"
}
