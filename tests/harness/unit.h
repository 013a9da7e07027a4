/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every unit test begins with: cmocka, in the order it wants its headers.
 */
#ifndef SLUICE_TESTS_UNIT_H
#define SLUICE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
