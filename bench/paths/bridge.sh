# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash

about="Linux bridge; no filter, no connection tracking"

path_up()
{
	local n
	ip -n "$HOST" link add br0 type bridge stp_state 0 mcast_snooping 0
	ip -n "$HOST" link set br0 up
	for n in $(seq "$GUESTS"); do ip -n "$HOST" link set "g$n" master br0; done
}
