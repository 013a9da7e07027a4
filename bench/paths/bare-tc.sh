# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# bpf_redirect at tc ingress, to the other veth's host end.

about="bpf_redirect at tc ingress; looks at nothing"

path_up()
{
	local n
	for ((n = 1; n < GUESTS; n += 2)); do "$TRAFFIC" redirect tc "$HOST" g$n g$((n + 1)); done
}
