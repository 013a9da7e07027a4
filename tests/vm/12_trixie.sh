#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Debian 13's kernel.
suite=trixie
# shellcheck source=tests/vm/newer.sh
. "$(dirname "$0")/newer.sh"
