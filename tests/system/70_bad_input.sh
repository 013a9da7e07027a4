#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Threat 25 and its kin: what is wrong is named with its place, and nothing has changed.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

# rejects SED-EXPRESSION PATTERN: the world's document so changed is refused with exit 2 and one line that
# matches the pattern, and the running version is what it was.
rejects()
{
	local before code=0
	before=$(version)
	sed -E "$1" "$work/world.yaml" >"$work/bad.yaml"
	! cmp -s "$work/world.yaml" "$work/bad.yaml" || return 1
	sluice apply -f "$work/bad.yaml" 2>"$work/said" || code=$?
	cat "$work/said"
	[ $code = 2 ]
	[ "$(wc -l <"$work/said")" = 1 ]
	grep -qE "bad.yaml:[0-9]+:[0-9]+: .*($2)" "$work/said"
	[ "$(version)" = "$before" ]
}

# refuses CODE PATTERN COMMAND...: a command ends so, with one line, and nothing has changed.
refuses()
{
	local before code=0
	before=$(version)
	"${@:3}" 2>"$work/said" >"$work/said.out" || code=$?
	cat "$work/said"
	[ $code = "$1" ]
	[ "$(wc -l <"$work/said")" = 1 ]
	grep -qiE "$2" "$work/said"
	[ "$(version)" = "$before" ]
}

threat_25_unknown_keys() { rejects 's/^vnets:/vnetz:/' 'vnetz'; rejects 's/vni: 5001/vnii: 5001/' vnii; }
threat_25_wrong_types()
{
	rejects 's/vni: 5001/vni: many/' 'vni|many'
	rejects 's/priority: 100,/priority: [1],/' priority
	rejects 's/^nsgs:/nsgs: 3\nx:/' 'nsgs|x'
}
threat_25_overlapping_prefixes() { rejects 's|10.1.2.0/24, "fd|10.1.1.128/25, "fd|' 'overlap'; }
threat_25_host_bits() { rejects 's|10.1.2.0/24, "fd|10.1.2.7/24, "fd|' '10.1.2.0/24'; }
threat_25_duplicate_priorities() { rejects 's/priority: 110/priority: 100/' 'priority'; }
threat_25_ports_out_of_range()
{
	rejects 's/\["5432"\]/["70000"]/' 70000
	rejects 's/\["5432"\]/["90-80"]/' '90-80'
}
threat_25_priorities_out_of_range() { rejects 's/priority: 4096/priority: 4097/' '4097|4096'; }
threat_25_unknown_names()
{
	rejects 's/nsg: db/nsg: nothere/' nothere
	rejects 's/subnet: db/subnet: nothere/' nothere
	rejects 's/vnet: red/vnet: nothere/' nothere
}
threat_25_addresses_that_cannot_be()
{
	rejects 's/addresses: \[10.1.2.4/addresses: [10.1.1.9/' '10.1.1.9'
	rejects 's/addresses: \[10.1.1.5/addresses: [10.1.1.4/' '10.1.1.4'
	rejects 's/addresses: \[10.1.1.5/addresses: [10.1.1.1/' '10.1.1.1'
	rejects 's/52:54:00:00:01:05/53:54:00:00:01:05/' '53:54|multicast'
}
threat_25_duplicate_names() { rejects 's/name: web2, device: web2/name: web1, device: web2/' 'web1'; }
threat_25_what_this_version_can_not_do() { rejects 's/^nsgs:/segments: [{name: lan}]\nnsgs:/' segments; }
threat_25_a_device_that_is_not_there()
{
	refuses 2 nodev sluice port add x --device nodev --vnet blue --subnet web \
		--mac 52:54:00:00:01:09 --addresses 10.1.1.9
	rejects 's/device: web2/device: nodev/' 'port web2: .*nodev'
	rejects 's/device: web2/device: lo/' 'port web2: lo is no Ethernet'
	rejects 's|device: web2|device: nowhere/eth0|' 'port web2: .*nowhere'
}

a_device_of_another_switch_is_refused()
{
	local code=0
	sed -E "s/^switch: .*/switch: {name: $P-other}/" "$work/world.yaml" >"$work/other.yaml"
	sluice --switch "$P-other" up -f "$work/other.yaml" 2>"$work/said" || code=$?
	cat "$work/said"
	[ $code = 2 ]
	grep -q "belongs to switch $SWITCH" "$work/said"
	[ ! -e "/run/sluice/$P-other" ]
	[ ! -e "/sys/fs/bpf/sluice/$P-other" ]
	passes web1 tcp 10.1.2.4 5432
}

threat_25_garbage_of_every_size()
{
	local i before
	before=$(version)
	for i in 1 2 3 4 5 6; do
		head -c $((i * 997)) /dev/urandom >"$work/bad.yaml"
		sluice apply -f "$work/bad.yaml" && return 1
		head -c $((RANDOM % 1500 + 100)) "$work/world.yaml" >"$work/bad.yaml"
		# Cut short it may still be a document; then only --what-if may be asked.
		sluice apply --what-if -f "$work/bad.yaml" || [ $? = 2 ]
	done
	: >"$work/bad.yaml"
	sluice apply -f "$work/bad.yaml" && return 1
	sluice apply -f "$work/not-there.yaml" && return 1
	sluice apply -f /dev/null && return 1
	[ "$(version)" = "$before" ]
	passes web1 tcp 10.1.2.4 5432
}

what_is_in_use_stays_and_its_user_is_named()
{
	refuses 2 'vnet "blue" would be gone, but port "web1" is in it' sluice vnet delete blue
	refuses 2 'subnet "blue/web" would be gone, but port "web1"' sluice subnet delete blue/web
	refuses 2 'nsg "db" would be gone, but subnet "blue/db" uses it' sluice nsg delete db
}

a_question_that_is_no_question_is_a_matter_of_usage()
{
	local question=(sluice test-ip-flow --port web1)
	refuses 1 'Sideways' "${question[@]}" --direction Sideways --protocol Tcp \
		--local 10.1.1.4:1 --remote 10.1.2.4:2
	refuses 1 'wants a port' "${question[@]}" --direction Inbound --protocol Tcp \
		--local 10.1.1.4 --remote 10.1.2.4:2
	refuses 2 'no port "nothere"' sluice test-ip-flow --port nothere --direction Inbound \
		--protocol Tcp --local 10.1.1.4:1 --remote 10.1.2.4:2
}

bad_arguments_are_named()
{
	refuses 1 frobnicate sluice frobnicate
	refuses 1 'bogus' sluice nsg rule create --bogus 1
	refuses 2 'priority' sluice nsg rule create --nsg-name db -n x --priority 7 --direction Inbound \
		--access Allow --protocol Tcp
	refuses 2 'sideways' sluice nsg rule create --nsg-name db -n x --priority 777 \
		--direction Sideways --access Allow --protocol Tcp
	refuses 2 nothere sluice nsg rule delete --nsg-name db -n nothere
	refuses 2 nothere sluice port del nothere
	refuses 2 'sql' sluice nsg rule create --nsg-name db -n sql --priority 777 --direction Inbound \
		--access Allow --protocol Tcp
	refuses 2 'uses' sluice nsg delete db
	refuses 2 . sluice segment list
	refuses 2 'do not translate yet' sluice lb add www --vnet blue --frontend 10.1.0.100:443 \
		--protocol Tcp --backends web1
}

errors_are_json_when_asked()
{
	local code=0
	sluice -j nsg rule delete --nsg-name db -n nothere >"$work/said" 2>&1 || code=$?
	[ $code = 2 ]
	grep -q '"error"' "$work/said"
}

threat_24_without_root_it_is_refused()
{
	local code=0
	host setpriv --reuid=65534 --regid=65534 --clear-groups "$SLUICE" --switch "$SWITCH" asg add x \
		2>"$work/said" || code=$?
	cat "$work/said"
	[ $code = 2 ]
	[ "$(wc -l <"$work/said")" = 1 ]
	code=0
	host setpriv --reuid=65534 --regid=65534 --clear-groups "$SLUICE" --switch other up \
		2>"$work/said" || code=$?
	cat "$work/said"
	[ $code = 2 ]
	grep -qiE 'root|cap_' "$work/said"
	code=0
	setpriv --reuid=65534 --regid=65534 --clear-groups "$SLUICE" -n "$HOST" --switch "$SWITCH" \
		status 2>"$work/said" || code=$?
	cat "$work/said"
	[ $code = 2 ]
	grep -q 'needs root' "$work/said"
	# Root of a user namespace of his own is nobody here.
	code=0
	host unshare -r "$SLUICE" --switch other up 2>"$work/said" || code=$?
	cat "$work/said"
	[ $code = 2 ]
}

# without COMMANDS: `sluice up` in a mount namespace so prepared is refused; prints what it said.
without()
{
	local code=0
	host unshare -m bash -c "$1"' || exit 77; exec "$@"' prepare \
		"$SLUICE" --switch "$P-other" up >"$work/said" 2>&1 || code=$?
	cat "$work/said"
	[ $code = 2 ]
	[ "$(wc -l <"$work/said")" = 1 ]
	[ ! -e "/run/sluice/$P-other" ]
	[ ! -e "/sys/fs/bpf/sluice/$P-other" ]
}

without_kernel_types_up_says_so()
{
	without 'mount -t tmpfs none /sys/kernel/btf'
	grep -qi btf "$work/said"
}

without_a_bpf_file_system_up_mounts_it()
{
	local code=0
	host unshare -m bash -c 'umount /sys/fs/bpf && ! mountpoint -q /sys/fs/bpf || exit 77
		"$0" --switch "$1" up && mountpoint -q /sys/fs/bpf && "$0" --switch "$1" status &&
			"$0" --switch "$1" down' "$SLUICE" "$P-other" || code=$?
	[ $code != 77 ] || skip "the bpf file system can not be unmounted here"
	[ $code = 0 ]
	[ ! -e "/run/sluice/$P-other" ]
}

where_none_can_be_mounted_up_says_so()
{
	without 'mount -t tmpfs none /sys/fs'
	grep -qiE 'bpf' "$work/said"
}

threat_24_hostile_places_are_refused()
{
	local code=0
	mkdir "/run/sluice/$P-evil"
	chmod 777 "/run/sluice/$P-evil"
	chown 65534 "/run/sluice/$P-evil"
	sluice --switch "$P-evil" up 2>"$work/said" || code=$?
	cat "$work/said"
	chown 0 "/run/sluice/$P-evil"
	rmdir "/run/sluice/$P-evil"
	[ $code = 2 ]
	ln -s "$work" "/run/sluice/$P-evil"
	code=0
	sluice --switch "$P-evil" up 2>"$work/said" || code=$?
	cat "$work/said"
	rm "/run/sluice/$P-evil"
	[ $code = 2 ]
	[ ! -e "/sys/fs/bpf/sluice/$P-evil" ]
	code=0
	sluice --switch '../evil' up 2>"$work/said" || code=$?
	[ $code -gt 0 ]
}

threat_17_more_than_fits_is_refused_with_the_old_policy_intact()
{
	local before code=0
	before=$(version)
	# More rules than the switch can count.
	/usr/bin/python3 - "$work/world.yaml" >"$work/bad.yaml" <<'END'
import sys
print(open(sys.argv[1]).read())
print("acls:\n  - name: big\n    appliesTo: switch\n    rules:")
for i in range(270000):
    print(f"      - {{name: r{i}, direction: Outbound, access: Deny, protocol: Tcp, destinationPorts: [\"{i % 1000 + 2000}\"]}}")
END
	sluice apply -f "$work/bad.yaml" 2>"$work/said" || code=$?
	cat "$work/said"
	[ $code = 2 ]
	[ "$(wc -l <"$work/said")" = 1 ]
	[ "$(version)" = "$before" ]
	passes web1 tcp 10.1.2.4 5432
}

the_doctor_names_what_it_finds()
{
	sluice doctor
	sluice doctor web1 | grep -i xdp
	sluice -j doctor web1 | json 'len(d)'
	refuses 2 nodev sluice doctor nodev
}

must world_up
run_tests threat_25_unknown_keys threat_25_wrong_types threat_25_overlapping_prefixes \
	threat_25_host_bits threat_25_duplicate_priorities threat_25_ports_out_of_range \
	threat_25_priorities_out_of_range threat_25_unknown_names threat_25_addresses_that_cannot_be \
	threat_25_duplicate_names threat_25_what_this_version_can_not_do \
	threat_25_a_device_that_is_not_there a_device_of_another_switch_is_refused \
	threat_25_garbage_of_every_size what_is_in_use_stays_and_its_user_is_named \
	a_question_that_is_no_question_is_a_matter_of_usage bad_arguments_are_named \
	errors_are_json_when_asked threat_24_without_root_it_is_refused \
	without_kernel_types_up_says_so without_a_bpf_file_system_up_mounts_it \
	where_none_can_be_mounted_up_says_so threat_24_hostile_places_are_refused \
	threat_17_more_than_fits_is_refused_with_the_old_policy_intact the_doctor_names_what_it_finds
finish
