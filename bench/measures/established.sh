# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Frames of known connections, one after the other over $CONNECTIONS of them (1), that both ends have spoken on.

title="established connection: frames a second"
ends=frames
unit=packets

sample()
{
	"$TRAFFIC" frames --prime --flows "${CONNECTIONS:-1}" --seconds 0.4 "${pairs[@]}"
}
