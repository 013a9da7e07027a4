#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The packet tests on the oldest kernel that is supported, and some seconds of the comparison with the
# reference model. What measures time is left out, for an emulated processor has none, and the stress
# test and that of large rule sets, which it has no time for.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
inside bookworm 900

modprobe -a veth cls_flower act_pedit act_csum act_mirred
programs=()
for source in tests/bpf/*.c; do
	program=$(basename "$source" .c)
	case $program in
	model_agrees | stress | verdicts) ;;
	*) programs+=("$BUILD/tests/bpf/$program") ;;
	esac
done
# A packet that meets an imported flow just while that is imported again counts for its port only, not
# for the flow. Where CPUs stand still in the middle of things, that comes about.
LEAVE_OUT=packets_beside_an_import_are_all_counted each "${programs[@]}"
code=$?

if "$BUILD/tests/fuzz/differential" 15 1; then
	echo "ok - switch_and_reference_model_agree"
else
	echo "not ok - switch_and_reference_model_agree"
	code=1
fi
exit $code
