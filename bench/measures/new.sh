# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Frames each of which opens a connection that nobody has seen before. The path forgets them after.

title="every frame a new connection: frames a second"
ends=frames
unit=packets

sample()
{
	"$TRAFFIC" frames --packets 200000 --seconds 0.8 "${pairs[@]:0:2}"
	! declare -F path_forget >/dev/null || path_forget >&2
}
