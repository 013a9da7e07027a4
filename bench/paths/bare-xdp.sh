# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Native XDP on both veths, a devmap redirect and nothing else: the floor under sluice-xdp.

about="bpf_redirect_map in native XDP; looks at nothing"
needs_napi=yes

path_up()
{
	local n
	# As the switch does: no unfinished checksums, and a far end that polls.
	for n in $(seq "$GUESTS"); do in_guest "$n" ethtool -K eth0 tx off gro on >/dev/null; done
	for ((n = 1; n < GUESTS; n += 2)); do "$TRAFFIC" redirect xdp "$HOST" g$n g$((n + 1)); done
}
