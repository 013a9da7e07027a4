# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What is run on a kernel between the oldest and the one this machine has, or beyond that: the programs
# pass its verifier within their budget, flows live, both hooks agree, traffic goes by tcx, and its flower
# understands our rules. What a program does with a packet does not depend on the kernel; whether it is
# taken does. Sourced with the suite in $suite.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154 # set by whoever sources this
inside "$suite" 900

code=0
modprobe -a veth tun cls_flower act_pedit act_csum act_mirred
each "$BUILD"/tests/bpf/{verifier_budget,flow,hooks_agree,flower} || code=1
HOOK_GIVEN=1 HOOK=tc SUFFIX=_on_$suite each tests/system/10_connectivity.sh || code=1
exit $code
