# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# One TCP connection between the guests' stacks, as fast as it goes, with the offloads that are the default.

title="one bulk TCP connection: bits a second"
ends=stacks
unit=bits

sample() { "$TRAFFIC" bulk --seconds 1 "${pairs[@]:0:2}"; }
