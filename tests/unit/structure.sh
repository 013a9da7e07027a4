#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The shape of the source: what CONTRIBUTING.md promises of it and a machine can check.

# shellcheck disable=SC2046,SC2001 # lists of file names without spaces
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/harness/verdict.sh
. tests/harness/verdict.sh

sources()
{
	git ls-files --cached --others --exclude-standard 2>/dev/null | grep -E "$1" |
		while read -r file; do [ -e "$file" ] && echo "$file"; done
}

c_files='^(vmlinux|maps|bpf|loader|cli|tests|bench)/.*\.[ch]$'

# includes_of ROOM ALLOWED: quoted includes in a room that lead to none of the allowed ones.
includes_of()
{
	grep -nE '^#include "' $(sources "^$1/.*\.[ch]$") /dev/null |
		grep -vE "#include \"($2)\""
}

verdict includes_point_one_way "$(
	includes_of maps '[a-z_]+\.h|vmlinux\.h'
	includes_of bpf 'vmlinux\.h|maps/[a-z_]+\.h|bpf/[a-z_]+\.h'
	includes_of loader 'maps/[a-z_]+\.h|loader/[a-z_]+\.h|bpf/(sluice|xsk)\.skel\.h'
	includes_of cli 'loader/sluice\.h|cli/[a-z_]+\.h'
)"

verdict only_the_loader_meets_the_programs "$(
	grep -lnE '(sluice|xsk)\.skel\.h' $(sources '^cli/.*\.[ch]$') /dev/null)"

# The way of DESIGN section 2: every stage that travel() calls is defined in one header of its own.
stages=$(sed -n '/^static.*travel(/,/^}/p' bpf/sluice.bpf.c | grep -oE '[a-z_]+\(packet\)' |
	sed 's/(.*//')
verdict one_stage_a_file "$(
	last=
	for stage in $stages; do
		homes=$(grep -lE "^static .*[ *]$stage\(struct packet \*" bpf/*.h)
		[ "$(echo "$homes" | wc -w)" = 1 ] || echo "$stage() is defined in: $homes"
		# Finding a flow and remembering it are the two halves of one stage.
		[ "$stage" = remember_flow ] || last="$last $homes"
	done
	echo "$last" | tr ' ' '\n' | grep . | sort | uniq -d | sed 's/$/ holds two stages/'
)"

verdict no_stage_asks_which_hook_it_runs_in "$(
	for stage in $stages; do
		home=$(grep -lE "^static .*[ *]$stage\(struct packet \*" bpf/*.h | head -1)
		grep -nE 'HOOK_XDP|HOOK_TC|packet->hook|xdp_md|__sk_buff' "$home" /dev/null
	done)"

verdict every_file_says_its_licence_first "$(
	for file in $(sources "$c_files|\.sh$|^tests/harness/(run|sum)$|^\.ci/run$|^Makefile$"); do
		case $file in
		bpf/* | maps/* | *.bpf.c) licence='GPL-2.0-only OR BSD-2-Clause' ;;
		*) licence=BSD-2-Clause ;;
		esac
		head -2 "$file" | grep -qE "SPDX-License-Identifier: $licence( \*/)?$" ||
			echo "$file: not $licence"
	done)"

verdict no_file_is_longer_than_600_lines "$(
	for file in $(sources "$c_files|\.sh$"); do
		lines=$(wc -l <"$file")
		[ "$lines" -le 600 ] || echo "$file: $lines lines"
	done)"

# A word that will not break may stand out a little.
verdict no_line_is_much_longer_than_100_columns "$(
	for file in $(sources '^(maps|bpf|loader|cli)/.*\.[ch]$'); do
		expand -t8 "$file" | awk -v f="$file" 'length > 110 { print f ":" NR ": " length }'
	done)"

# A function runs from a line that ends its head, "{" in column one, to "}" in column one.
verdict no_function_is_longer_than_60_lines "$(
	for file in $(sources '^(maps|bpf|loader|cli)/.*\.[ch]$'); do
		awk -v f="$file" '
			/^{/ { start = NR; name = before }
			/^}/ { if (start && NR - start > 61) print f ": " name " has " NR - start - 1; start = 0 }
			{ before = $0 }' "$file"
	done)"

verdict no_variants_no_leftovers "$(
	grep -nE '^#\s*if(n?def)? ' $(sources '^(bpf|loader|cli)/.*\.[ch]$') /dev/null |
		grep -vE '#ifndef SLUICE(_[A-Z0-9_]*)?_H$'
	grep -nE '(TO)DO|(FIX)ME|\bXX[X]\b' $(sources "$c_files|\.sh$") /dev/null
	grep -nE '^#include "[^"]*\.c"' $(sources "$c_files") /dev/null
)"

# Under set -e a line that begins with "!" ends nothing, unless it is a function's last.
verdict no_test_passes_by_a_refusal_that_nobody_asks_for "$(
	awk 'before ~ /^\t! / && before !~ /\\$|\|\| |then$/ && !/^}/ { print FILENAME ":" FNR - 1 ": " before }
		{ before = FNR == 1 ? "" : $0 }' $(sources '^tests/(system|vm|bpf)/.*\.sh$'))"

verdict the_library_prints_nothing "$(
	grep -nE '\b(printf|puts|perror|putchar|fprintf\(std(out|err))\(' \
		$(sources '^loader/.*\.[ch]$') /dev/null)"

verdict the_top_level_holds_only_the_fixed_names "$(
	sources '.' | cut -d/ -f1 | sort -u | grep -vE \
		'^(Makefile|README\.md|ARCHITECTURE\.md|CONTRIBUTING\.md|LICENSES|vmlinux|maps|bpf|loader|cli|tests|bench|\.ci|\.clang-format|\.gitignore)$')"

# drawn NAME: the names with "()" in the drawing of that name in ARCHITECTURE.md, in order.
drawn()
{
	sed -n "/<!-- drawing: $1 -->/,/<!-- end -->/p" ARCHITECTURE.md | grep -oE '[a-z_]+\(\)' |
		tr -d '()'
}

verdict the_drawing_of_the_packets_way_is_in_step "$(
	diff <(echo "$stages") <(drawn packet) | grep '^[<>]' |
		sed 's/^</only in travel():/; s/^>/only in the drawing:/')"

steps=$(cat loader/*.c | grep -oE 'sluice_test_step\("[a-z ]+"\)' | grep -oE '"[a-z ]+"' | tr -d '"')
verdict the_drawing_of_a_changes_way_is_in_step "$(
	diff <(echo "$steps" | sort -u) \
		<(sed -n "/<!-- drawing: change -->/,/<!-- end -->/p" ARCHITECTURE.md |
			grep -oE '\[[a-z ]+\]' | tr -d '[]' | sort -u) | grep '^[<>]' |
		sed 's/^</only in the code:/; s/^>/only in the drawing:/')"

verdict the_readme_names_the_test_command_that_ci_runs "$(
	command=$(sed -n 's/^cd .* && exec //p' .ci/run)
	grep -qF "$command" README.md || echo "README.md does not say: $command")"

exit $failed
