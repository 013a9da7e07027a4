# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What tests that are scripts say in TAP.

# shellcheck disable=SC2034 # the script ends with it
failed=0

# verdict NAME COMPLAINTS: a test passes when it has nothing to complain about.
verdict()
{
	if [ -z "$2" ]; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		echo "$2" | sed 's/^/#   /'
		failed=1
	fi
}

# bench_holds NAME 'ROUNDS...' BENCH ARGUMENT...: a bench keeps its limits. Its ratios are medians over
# interleaved rounds; a machine busy with something else gets further tries, of more rounds.
bench_holds()
{
	local name=$1 rounds

	for rounds in $2; do
		if "${BUILD:-build}/bench/$3" --assert "${@:4}" --rounds "$rounds"; then
			echo "ok - $name"
			return 0
		fi
	done
	echo "not ok - $name"
	return 1
}
