# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Through user space: each of the two guests is in a vnet of its own, in which an AF_XDP port has the other's
# address. The example program hands each frame that one of these ports is sent on as the other. So a
# packet is policed in two vnets, by the same rules, and copied four times: into the socket's memory, to
# the other's, and out of it, into a frame with room before it.

about="sluice, ports on native XDP, and from one vnet into another by a program with AF_XDP sockets"
filters=yes
needs_napi=yes
HOOK=xdp
. "$BENCH/paths/sluice.sh"

vnets="blue green"
ports()
{
	local socket=', acceleration: {mode: af_xdp}'
	port g1 blue 1 1
	port g2 green 2 2
	port nf1 blue 3 2 "$socket"
	port nf2 green 4 1 "$socket"
}

# Named so that it is known as ours, should its bench be killed. It says itself which process it is: what
# runs in the background here is a shell that waits for it.
forward()
{
	# shellcheck disable=SC2016 # the inner shell's
	in_host bash -c 'echo $$ >"$1"; exec -a "xsk_forward pidfile=$1" "${@:2}"' - "$work/$WORLD.pid" \
		"$BUILD/tests/examples/xsk_forward" --switch "$P-$WORLD" nf1 nf2
}

path_up()
{
	local said=$work/$WORLD.said
	document >"$work/$WORLD.yaml"
	switch_ up -f "$work/$WORLD.yaml" >/dev/null
	forward >"$said" &
	until [ "$(grep -c ready "$said")" = 2 ]; do
		kill -0 $!
		sleep 0.05
	done
	note="$("$SLUICE" -V); $(grep -om 1 'zero-copy\|copy' "$said")"
}

path_down()
{
	kill "$(cat "$work/$WORLD.pid")"
	switch_ down >/dev/null
}
