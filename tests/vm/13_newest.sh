#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The newest kernel that Debian has.
suite=trixie-backports
# shellcheck source=tests/vm/newer.sh
. "$(dirname "$0")/newer.sh"
