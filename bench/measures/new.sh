# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Frames each of which opens a connection that nobody has seen before. The path forgets them after.

title="every frame a new connection: frames a second"
ends=frames
unit=packets

sample()
{
	local ipv6=''
	[ "${FAMILY:-4}" = 4 ] || ipv6=--ipv6
	# shellcheck disable=SC2086 # a word or none
	"$TRAFFIC" frames $ipv6 --packets 200000 --seconds 0.8 "${pairs[@]:0:2}" || return
	! declare -F path_forget >/dev/null || path_forget >&2
}
