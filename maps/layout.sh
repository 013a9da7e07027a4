#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# layout.sh [DIRECTORY]: the number of the maps' layout, made of all that the headers there (here) say but
# comments, white space and texts. Running programs and what writes for them must have the same.
cat "${1:-$(dirname "$0")}"/[a-z]*.h |
	LC_ALL=C sed -z -e 's|/\*[^*]*\*\**\([^/*][^*]*\*\**\)*/||g' -e 's/"[^"]*"//g' |
	tr -d ' \t\n\\' | cksum | cut -d' ' -f1
