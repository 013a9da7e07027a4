# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Open vSwitch with a database and daemon of its own, apart from one that the host may run: the kernel's
# datapath where the kernel has one, else the user-space datapath. Established first by its own
# connection tracker, then the rules as OpenFlow rules.

filters=yes
about="Open vSwitch: connection tracker, the rules as OpenFlow"

path_reason() { command -v ovs-vswitchd >/dev/null || echo "ovs-vswitchd is not installed"; }

ovs() { in_host env OVS_RUNDIR="$work/$WORLD" OVS_DBDIR="$work/$WORLD" OVS_SYSCONFDIR="$work/$WORLD" "$@"; }
vsctl() { ovs ovs-vsctl --db="unix:$work/$WORLD/db.sock" --timeout=20 "$@"; }

openflow()
{
	ALLOW="ct(commit),normal" DENY=drop
	echo "table=0,priority=100,arp,actions=normal"
	echo "table=0,priority=50,ip,ct_state=-trk,actions=ct(table=1)"
	echo "table=0,priority=0,actions=drop"
	echo "table=1,priority=65535,ip,ct_state=+trk+est,actions=normal"
	echo "table=1,priority=65535,ip,ct_state=+trk+rel,actions=normal"
	fillers "table=1,priority=40000,udp,nw_src=ADDRESS,tp_dst=PORT,actions=ACTION"
	# 16384-32767 is one bit pattern.
	echo "table=1,priority=10,udp,tp_dst=0x4000/0xc000,actions=ct(commit),normal"
	echo "table=1,priority=10,tcp,tp_dst=0x4000/0xc000,actions=ct(commit),normal"
	echo "table=1,priority=0,actions=drop"
}

path_up()
{
	local type=netdev n
	[ ! -d /sys/module/openvswitch ] || type=system
	# The user-space datapath sees frames whose checksums nobody has finished, and its connection
	# tracker refuses them.
	[ $type = system ] || for n in $(seq "$GUESTS"); do in_guest "$n" ethtool -K eth0 tx off >/dev/null; done
	mkdir "$work/$WORLD"
	ovsdb-tool create "$work/$WORLD/conf.db" /usr/share/openvswitch/vswitch.ovsschema
	ovs ovsdb-server --detach --no-chdir --pidfile="$work/$WORLD/db.pid" --log-file="$work/$WORLD/db.log" \
		--remote="punix:$work/$WORLD/db.sock" "$work/$WORLD/conf.db"
	vsctl --no-wait init
	ovs ovs-vswitchd --detach --no-chdir --pidfile="$work/$WORLD/switch.pid" \
		--log-file="$work/$WORLD/switch.log" "unix:$work/$WORLD/db.sock"
	vsctl add-br br0 -- set bridge br0 datapath_type=$type fail_mode=secure
	for n in $(seq "$GUESTS"); do vsctl add-port br0 "g$n"; done
	openflow | ovs ovs-ofctl -O OpenFlow13 replace-flows "$work/$WORLD/br0.mgmt" -
	note="$(ovs-vswitchd --version | head -1), datapath $type"
}

path_forget() { ovs ovs-appctl -t "$work/$WORLD/ovs-vswitchd.$(cat "$work/$WORLD/switch.pid").ctl" dpctl/flush-conntrack; }

path_down() { end_daemons "$work/$WORLD"; }
