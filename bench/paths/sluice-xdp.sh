# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash

about="sluice, ports on native XDP"
filters=yes
needs_napi=yes
HOOK=xdp
. "$BENCH/paths/sluice.sh"
