# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash

about="sluice, ports on tc (the default for a veth)"
filters=yes
HOOK=tc
. "$BENCH/paths/sluice.sh"
