# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The same policy in everybody's language. Of RULES rules the last lets the measured traffic pass
# (UDP and TCP to ports 16384-32767 count as one); those before it never match: rule i is about one source
# address and one UDP destination port, every second one allows. What matches none is refused.
# With FAMILY=6 the addresses are IPv6 addresses.
# A packet of an unknown flow is compared with all of them, where somebody compares one by one.

# fillers FORMAT: a line for each rule that never matches, with its ADDRESS, PORT and NUMBER in these words'
# places, and in that of ACTION the word for allow (ALLOW) or deny (DENY).
fillers()
{
	# Taken apart once: mawk takes the longer for a gsub() the more it has done.
	awk -v n=$((RULES - 1)) -v format="$1" -v allow="$ALLOW" -v deny="$DENY" -v family="${FAMILY:-4}" 'BEGIN {
		while (match(format, /ADDRESS|PORT|ACTION|NUMBER/)) {
			before[++words] = substr(format, 1, RSTART - 1)
			word[words] = substr(format, RSTART, RLENGTH)
			format = substr(format, RSTART + RLENGTH)
		}
		for (i = 0; i < n; i++) {
			if (family == 6)
				value["ADDRESS"] = sprintf("fd00:2::%x:%x", int(i / 65536), i % 65536)
			else
				value["ADDRESS"] = sprintf("198.%d.%d.%d", 18 + int(i / 65536), int(i / 256) % 256, i % 256)
			value["PORT"] = 1 + i % 10000
			value["ACTION"] = i % 2 ? deny : allow
			value["NUMBER"] = i
			line = ""
			for (w = 1; w <= words; w++) line = line before[w] value[word[w]]
			print line format
		}
	}'
}
