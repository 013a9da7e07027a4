#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# AF_XDP ports: user space is a guest. nf answers by the example program; what it sends is policed.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
each_hook tc xdp

consumer=
FORWARD=$BUILD/tests/examples/xsk_forward
SEND=$BUILD/tests/system/xsk_send
NF_MAC=52:54:00:00:01:09

document()
{
	cat <<END
apiVersion: sluice/v1
switch: {name: $SWITCH}
vnets:
  - name: blue
    prefixes: [10.1.0.0/16, "fd00:1::/48"]
    subnets: [{name: web, prefixes: [10.1.1.0/24, "fd00:1:0:1::/64"]}]
acls:
  - name: platform
    appliesTo: switch
    rules: [{name: no-smtp, direction: Outbound, access: Deny, protocol: Tcp, destinationPorts: ["25"]}]
nsgs:
  nf:
    rules:
      - {name: no-telnet, priority: 100, direction: Outbound, access: Deny, protocol: Tcp, destinationPorts: ["23"]}
ports:
  - {name: web1, device: web1, hook: $HOOK, vnet: blue, subnet: web, mac: 52:54:00:00:01:04, addresses: [10.1.1.4, "fd00:1:0:1::4"]}
  - {name: nf.1, device: nf1, hook: $HOOK, vnet: blue, subnet: web, mac: $NF_MAC, addresses: [10.1.1.9, "fd00:1:0:1::9"], nsg: nf, acceleration: {mode: af_xdp, queues: 2}}
END
}

world()
{
	host_up
	guest_veth web1 52:54:00:00:01:04 10.1.1.4 fd00:1:0:1::4
	document >"$work/net.yaml"
	sluice up -f "$work/net.yaml"
	switch_mac=$(sluice -j status | json 'd["mac"]')
	echo "$switch_mac" >"$work/mac"
}

# forward PORT...: the example program; its process is $consumer, what it says is in $work/forward.
forward()
{
	: >"$work/forward" # what the one before said is not what this one says
	start "$HOST" "$work/forward" "$FORWARD" --switch "$SWITCH" "$@"
	consumer=$!
	until_true 5 all_ready $#
}

all_ready() { [ "$(grep -c ready "$work/forward")" = "$1" ]; }

end_forward()
{
	kill -TERM "$consumer"
	wait "$consumer" || true
}

reset() { [ -z "$consumer" ] || end_forward; }

# state KEY: of the AF_XDP port, as status says it.
state() { sluice -j status | json "[p for p in d['ports'] if p['name'] == 'nf.1'][0]['afXdp']['$1']"; }
unread() { state unread; }

# from_user_space SOURCE-MAC SOURCE-IP PROTOCOL DESTINATION-PORT: one frame to web1 from a socket of nf.1
from_user_space()
{
	/usr/bin/python3 - "$(cat "$work/mac")" "$@" <<'END' | host "$SEND" "$SWITCH" nf.1 0
import socket, struct, sys
to, mac, source, protocol, port = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
ipv6 = ":" in source
def total(data):
    data += b"\0" * (len(data) & 1)
    s = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
if protocol == 6:
    l4 = struct.pack(">HHIIBBHHH", 4000, port, 1, 0, 0x50, 2, 1000, 0, 0)
else:
    l4 = struct.pack(">HHHH", 4000, port, 8 + 11, 0) + b"sluice-mark"
if ipv6:
    a, b = (socket.inet_pton(socket.AF_INET6, x) for x in (source, "fd00:1:0:1::4"))
    ip = struct.pack(">IHBB", 0x60000000, len(l4), protocol, 64) + a + b
    pseudo = a + b + struct.pack(">II", len(l4), protocol)
else:
    a, b = (socket.inet_aton(x) for x in (source, "10.1.1.4"))
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(l4), 1, 0, 64, protocol, 0) + a + b
    ip = ip[:10] + struct.pack(">H", total(ip)) + ip[12:]
    pseudo = a + b + struct.pack(">HH", protocol, len(l4))
at = 16 if protocol == 6 else 6
l4 = l4[:at] + struct.pack(">H", total(pseudo + l4)) + l4[at + 2:]
macs = bytes.fromhex(to.replace(":", "") + mac.replace(":", ""))
print((macs + (b"\x86\xdd" if ipv6 else b"\x08\x00") + ip + l4).hex())
END
}

the_switch_makes_the_device_and_says_who_reads()
{
	[ "$(state device)" = nf1-xsk ]
	[ "$(state queues) $(state read)" = "2 0" ]
	host ip link show nf1-xsk | grep -q xdp
	forward nf.1
	grep -q '2 queues, copy, need-wakeup' "$work/forward"
	[ "$(state read)" = 2 ]
	sluice status | grep -q 'copied: no zero-copy in the driver; 2 of 2 queues read'
	end_forward
	[ "$(state read)" = 0 ]
}

user_space_answers_guests()
{
	forward nf.1
	passes web1 ping 10.1.1.9
	passes web1 ping fd00:1:0:1::9
	passes web1 udp 10.1.1.9 53
	passes web1 udp fd00:1:0:1::9 53 5000 1000
	[ "$(sluice -j stats nf.1 | json 'd["rx"]["packets"] > 0')" = True ]
	[ "$(unread)" = 0 ]
	end_forward
	[ "$(tail -1 "$work/forward" | json 'd["received"] == d["sent"] and d["ipv4"] > 1 and d["ipv6"] > 1')" = True ]
}

what_user_space_sends_arrives_if_it_may()
{
	seen web1 from_user_space $NF_MAC 10.1.1.9 17 99
	seen web1 from_user_space $NF_MAC fd00:1:0:1::9 17 99
}

what_user_space_sends_is_guarded()
{
	dropped_as mac-spoofed nf.1 unseen web1 from_user_space 52:54:00:00:01:77 10.1.1.9 17 99
	dropped_as mac-spoofed nf.1 unseen web1 from_user_space 52:54:00:00:01:77 fd00:1:0:1::9 17 99
	dropped_as ip-spoofed nf.1 unseen web1 from_user_space $NF_MAC 10.1.1.77 17 99
	dropped_as ip-spoofed nf.1 unseen web1 from_user_space $NF_MAC fd00:1:0:1::77 17 99
}

what_user_space_sends_is_judged_by_its_nsg_and_the_acls()
{
	dropped_as nsg-deny nf.1 from_user_space $NF_MAC 10.1.1.9 6 23
	dropped_as nsg-deny nf.1 from_user_space $NF_MAC fd00:1:0:1::9 6 23
	dropped_as acl-deny nf.1 from_user_space $NF_MAC 10.1.1.9 6 25
	dropped_as acl-deny nf.1 from_user_space $NF_MAC fd00:1:0:1::9 6 25
}

frames_of_a_dead_consumer_are_dropped_and_counted()
{
	local before
	forward nf.1
	passes web1 ping 10.1.1.9
	kill -KILL "$consumer"
	wait "$consumer" || true
	before=$(unread)
	dropped_as no-consumer nf.1 silent web1 ping 10.1.1.9
	dropped_as no-consumer nf.1 silent web1 ping fd00:1:0:1::9
	[ "$(unread)" -ge $((before + 2)) ]
}

# flood ADDRESS: more datagrams of one flow than a queue's rings hold.
flood()
{
	in_guest web1 /usr/bin/python3 -c '
import socket, sys
to = socket.getaddrinfo(sys.argv[1], 53, type=socket.SOCK_DGRAM)[0]
with socket.socket(to[0], to[1]) as s:
    s.connect(to[4])
    for i in range(5000):
        s.send(b"x")' "$1"
}

# packets rx|tx: that nf.1 has sent, or been sent.
packets() { sluice -j stats nf.1 | json "d['$1']['packets']"; }

# Whatever it was sent since $sent, $overrun and $back were noted came back, or is counted as lost.
all_is_accounted_for()
{
	[ $(($(packets tx) - sent)) = $(($(packets rx) - back + $(state overrun) - overrun)) ]
}

frames_that_a_consumer_has_no_room_for_are_counted()
{
	local to sent back overrun
	for to in 10.1.1.9 fd00:1:0:1::9; do
		sent=$(packets tx)
		back=$(packets rx)
		overrun=$(state overrun)
		forward nf.1
		passes web1 udp $to 53
		kill -STOP "$consumer"
		flood $to
		[ "$(state overrun)" -gt "$overrun" ]
		[ "$(state read)" = 2 ]
		kill -CONT "$consumer"
		passes web1 udp $to 53
		until_true 5 all_is_accounted_for
		end_forward
	done
	sluice status | grep -q 'too slowly for [0-9]* frames'
}

frames_of_a_dead_consumer_go_up_the_stack_if_told_so()
{
	local before drops
	ip netns add "$P-nf"
	host ip link set nf1-xsk netns "$P-nf"
	ip -n "$P-nf" link set nf1-xsk up
	ip -n "$P-nf" addr add 10.1.1.9/24 dev nf1-xsk
	ip -n "$P-nf" -6 addr add fd00:1:0:1::9/64 dev nf1-xsk nodad
	silent web1 ping 10.1.1.9
	sluice port set nf.1 --acceleration-when-dead pass
	before=$(unread)
	drops=$(drops nf.1 no-consumer)
	passes web1 ping 10.1.1.9
	passes web1 ping fd00:1:0:1::9
	[ "$(unread)" -ge $((before + 2)) ]
	[ "$(drops nf.1 no-consumer)" = "$drops" ]
	# A consumer takes over again, in the namespace the far end is in now, and leaves again.
	forward nf.1
	before=$(unread)
	passes web1 udp 10.1.1.9 53
	[ "$(unread)" = "$before" ]
	end_forward
	passes web1 ping 10.1.1.9
	sluice port set nf.1 --acceleration-when-dead drop
	silent web1 ping 10.1.1.9
}

a_queue_takes_one_socket_and_a_port_has_so_many_queues()
{
	forward nf.1
	host "$SEND" "$SWITCH" nf.1 0 </dev/null 2>"$work/said" && return 1
	grep -q 'queue 0 of nf1-xsk has a socket already' "$work/said"
	end_forward
	host "$SEND" "$SWITCH" nf.1 7 </dev/null 2>"$work/said" && return 1
	grep -q 'has no queue 7' "$work/said"
	host "$SEND" "$SWITCH" web1 0 </dev/null 2>"$work/said" && return 1
	grep -q 'no AF_XDP port' "$work/said"
}

acceleration_is_switched_off_and_on_on_a_live_port()
{
	host ethtool -k nf1 | grep -q '^tx-checksumming: off'
	sluice port set nf.1 --acceleration off
	[ "$(sluice -j accel show nf.1 | json 'd["mode"]')" = off ]
	host ethtool -k nf1 | grep -q '^tx-checksumming: on'
	[ -z "$(find "/sys/fs/bpf/sluice/$SWITCH/xsks" "/sys/fs/bpf/sluice/$SWITCH/xsk_links" -type f)" ]
	sluice port set nf.1 --acceleration af_xdp --acceleration-queues 3
	[ "$(sluice -j accel show nf.1 | json 'd["mode"]')" = af_xdp ]
	[ "$(state queues)" = 3 ]
	forward nf.1
	passes web1 ping 10.1.1.9
	sluice port set nf.1 --acceleration-queues 2 2>"$work/said" && return 1
	grep -q 'sockets are bound to queues of nf1-xsk beyond the first 2' "$work/said"
	end_forward
	# The kernel takes a socket's queue back a little after the socket.
	until_true 5 sluice port set nf.1 --acceleration-queues 2
	forward nf.1
	passes web1 ping 10.1.1.9
	end_forward
	sluice export >"$work/exported"
	grep -q 'acceleration: {mode: af_xdp, queues: 2}' "$work/exported"
}

newer_programs_keep_the_sockets()
{
	forward nf.1
	sluice upgrade
	passes web1 ping 10.1.1.9
	[ "$(state read)" = 2 ]
	end_forward
}

a_deleted_port_takes_its_device_along()
{
	sluice port del nf.1
	host ip link show nf1 && return 1
	[ -z "$(ls "/sys/fs/bpf/sluice/$SWITCH/xsks")" ]
	sluice apply -f "$work/net.yaml"
	host ip link show nf1
	sluice down
	host ip link show nf1 && return 1
	[ ! -e "/sys/fs/bpf/sluice/$SWITCH" ]
}

must world
run_tests the_switch_makes_the_device_and_says_who_reads user_space_answers_guests \
	what_user_space_sends_arrives_if_it_may what_user_space_sends_is_guarded \
	what_user_space_sends_is_judged_by_its_nsg_and_the_acls \
	frames_of_a_dead_consumer_are_dropped_and_counted \
	frames_that_a_consumer_has_no_room_for_are_counted \
	frames_of_a_dead_consumer_go_up_the_stack_if_told_so \
	a_queue_takes_one_socket_and_a_port_has_so_many_queues \
	acceleration_is_switched_off_and_on_on_a_live_port newer_programs_keep_the_sockets \
	a_deleted_port_takes_its_device_along
finish
