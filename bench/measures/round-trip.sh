# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# A small datagram and its echo, one at a time, both by one thread.

title="round trip: microseconds"
ends=stacks
unit=microseconds

sample() { "$TRAFFIC" round-trip --seconds 0.5 "${pairs[@]:0:2}"; }
