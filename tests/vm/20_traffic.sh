#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Real traffic on the oldest kernel that is supported, by tc, which means clsact there.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
inside bookworm 600

modprobe -a veth tun
HOOK_GIVEN=1 HOOK=tc SUFFIX=_by_clsact each tests/system/10_connectivity.sh
