# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The same policy in everybody's language. Of RULES rules the last lets the measured traffic pass
# (UDP and TCP to ports 16384-32767 count as one); those before it never match: rule i is about one source
# address and one UDP destination port, every second one allows. What matches none is refused.
# A packet of an unknown flow is compared with all of them, where somebody compares one by one.

# fillers FORMAT: printf with the address and the port of each rule that never matches, %1$s %2$s;
# and %3$s: the word for allow (ALLOW) or deny (DENY).
fillers()
{
	awk -v n=$((RULES - 1)) -v format="$1" -v allow="$ALLOW" -v deny="$DENY" 'BEGIN {
		for (i = 0; i < n; i++) {
			line = format
			gsub(/ADDRESS/, sprintf("198.%d.%d.%d", 18 + int(i / 65536), int(i / 256) % 256, i % 256), line)
			gsub(/PORT/, 1 + i % 10000, line)
			gsub(/ACTION/, i % 2 ? deny : allow, line)
			gsub(/NUMBER/, i, line)
			print line
		}
	}'
}
