# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Frames of known connections, one after the other over $CONNECTIONS of them (1), that both ends have spoken on.

title="established connection: frames a second"
ends=frames
unit=packets

sample()
{
	local ipv6=''
	[ "${FAMILY:-4}" = 4 ] || ipv6=--ipv6
	# shellcheck disable=SC2086 # a word or none
	"$TRAFFIC" frames $ipv6 --prime --flows "${CONNECTIONS:-1}" --seconds 0.4 "${pairs[@]}"
}
