#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 100,000 rules in one document: what it takes to put them in place, and to replace them all.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

many() { host "$SLUICE" --switch "$P-many" "$@"; }

# A document with an ACL of $1 rules between networks, drawn by the seed $2: prefixes of all lengths
# inside each other, on both sides, and ports.
many_document()
{
	printf 'apiVersion: sluice/v1\nswitch: {name: %s}\nacls:\n' "$P-many"
	printf '  - name: many\n    appliesTo: switch\n    rules:\n'
	awk -v rules="$1" -v seed="$2" '
		function prefix(length_, i, byte, text, bits) {
			for (i = 0; i < 4; i++) {
				bits = length_ - 8 * i
				bits = bits > 8 ? 8 : bits < 0 ? 0 : bits
				byte = int(rand() * 2 ^ bits) * 2 ^ (8 - bits)
				if (i == 0 && length_ > 8) byte = 10 + int(rand() * 8)
				text = text (i ? "." : "") byte
			}
			return text "/" length_
		}
		BEGIN {
			srand(seed)
			for (i = 0; i < rules; i++)
				printf "      - {name: r%d, direction: %s, access: %s, protocol: %s, " \
					"sources: [\"%s\"], destinations: [\"%s\"], " \
					"destinationPorts: [\"%d\"]}\n", i,
					rand() < 0.5 ? "Inbound" : "Outbound",
					rand() < 0.5 ? "Allow" : "Deny",
					rand() < 0.5 ? "Tcp" : "Udp",
					prefix(8 + int(rand() ^ 0.3 * 25)),
					prefix(8 + int(rand() ^ 0.3 * 25)), 1 + int(rand() * 65535)
		}'
}

# Runs `sluice $2...`; $1.cpu: ms of CPU time that it took, $1.rss: the most memory it had, in KiB.
measured()
{
	/usr/bin/python3 - "$work/$1" nsenter --net="/run/netns/$HOST" -- "$SLUICE" \
		--switch "$P-many" "${@:2}" <<-'END'
		import resource, subprocess, sys
		code = subprocess.call(sys.argv[2:])
		used = resource.getrusage(resource.RUSAGE_CHILDREN)
		open(sys.argv[1] + ".cpu", "w").write(str(int(1e3 * (used.ru_utime + used.ru_stime))))
		open(sys.argv[1] + ".rss", "w").write(str(used.ru_maxrss))
		sys.exit(code)
	END
}

a_hundred_thousand_rules_are_put_in_place_and_replaced_within_512_megabytes()
{
	local step begun
	many_document 10000 1 >"$work/few.yaml"
	many_document 100000 2 >"$work/many.yaml"
	many_document 100000 3 >"$work/others.yaml"
	many up -f "$work/few.yaml"
	many_document 10000 4 >"$work/few.yaml"
	measured few apply -f "$work/few.yaml"
	for step in many others; do
		begun=$(date +%s%3N)
		measured $step apply -f "$work/$step.yaml"
		echo "apply of 100,000 rules ($step): $(($(date +%s%3N) - begun)) ms," \
			"$(cat "$work/$step.cpu") ms of CPU time ($(cat "$work/few.cpu") for 10,000)," \
			"$(($(cat "$work/$step.rss") / 1024)) MiB" \
			>>"$work/figures"
		[ "$(cat "$work/$step.rss")" -le $((512 * 1024)) ]
		# Ten times the rules take some ten times the work, not a hundred times.
		[ "$(cat "$work/$step.cpu")" -le $((25 * $(cat "$work/few.cpu"))) ]
	done
	many -j status | json "d['version']" | grep -xF 4
	many down
}

must host_up
run_tests a_hundred_thousand_rules_are_put_in_place_and_replaced_within_512_megabytes
finish
