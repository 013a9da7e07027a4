#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The number of the maps' layout (maps/layout.sh): another one after every change of what the headers say,
# and the same one after a change of how they say it.

set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/harness/verdict.sh
. tests/harness/verdict.sh
BUILD=${BUILD:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
built=$(sed -n 's/^#define SLUICE_LAYOUT \([0-9]*\)U$/\1/p' "$BUILD/maps/layout.h")

# after FILE SED-SCRIPT: the number of the headers, changed so; complains when that changes nothing.
after()
{
	rm -rf "$work/maps"
	cp -r maps "$work/maps"
	sed -i "$2" "$work/maps/$1"
	! cmp -s "maps/$1" "$work/maps/$1" || echo "\"$2\" changes nothing in $1" >&2
	maps/layout.sh "$work/maps"
}

differs() { [ "$(after "$@")" != "$built" ] || echo "the same number after \"$2\" in $1"; }
same() { [ "$(after "$@")" = "$built" ] || echo "another number after \"$2\" in $1"; }

verdict the_build_has_the_number_of_its_headers "$(
	[ "$built" = "$(maps/layout.sh)" ] || echo "built: $built, headers: $(maps/layout.sh)")"

verdict a_change_of_what_the_headers_say_is_another_layout "$(
	differs control.h 's/__u32 observe_per_second;/__u64 observe_per_second;/'
	differs control.h 's/SLUICE_MEANING 1/SLUICE_MEANING 2/'
	differs base.h 's/SLUICE_MAX_PORTS 4096/SLUICE_MAX_PORTS 8192/'
	differs drop_reasons.h '0,/\tX(\([A-Z_]*\),/s//\tX(OTHER,/'
	differs flow.h 's/BPF_F_MMAPABLE/0/'
	differs tables.h '0,/__u32 version;/s///'
	for header in maps/*.h; do differs "${header#maps/}" '$s/^/int more;/'; done)"

verdict a_change_of_how_they_say_it_is_none "$(
	for header in maps/*.h; do
		same "${header#maps/}" '1s|^|/* A word. */\n/** Two **/\n|'
		same "${header#maps/}" 's/\t/        /g'
		same "${header#maps/}" 's| [*]/$| or so */|'
	done
	same drop_reasons.h 's/is at its flowLimit/has all that it may have/')"

exit $failed
