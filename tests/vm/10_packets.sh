#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The packet tests on the oldest kernel that is supported, and some seconds of the comparison with the
# reference model. What measures time is left out, for an emulated processor has none, and the stress
# test and that of large rule sets, which it has no time for.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
inside bookworm 1500

modprobe -a veth cls_flower act_pedit act_csum act_mirred
programs=()
for source in tests/bpf/*.c; do
	program=$(basename "$source" .c)
	case $program in
	model_agrees | stress | verdicts) ;;
	*) programs+=("$BUILD/tests/bpf/$program") ;;
	esac
done
each "${programs[@]}"
code=$?

if "$BUILD/tests/fuzz/differential" 15 1; then
	echo "ok - switch_and_reference_model_agree"
else
	echo "not ok - switch_and_reference_model_agree"
	code=1
fi
exit $code
