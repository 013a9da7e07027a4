# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# bpf_redirect_peer at tc ingress, straight into the other namespace: the floor under sluice-tc.

about="bpf_redirect_peer at tc ingress; looks at nothing"

path_up()
{
	local n
	for ((n = 1; n < GUESTS; n += 2)); do "$TRAFFIC" redirect tc-peer "$HOST" g$n g$((n + 1)); done
}
