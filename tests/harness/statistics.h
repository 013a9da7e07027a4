/* SPDX-License-Identifier: BSD-2-Clause */
/* What is told of repeated measurements. */
#ifndef SLUICE_TESTS_STATISTICS_H
#define SLUICE_TESTS_STATISTICS_H

#define STATISTICS_MOST 64 /* values at once */

double median(const double *values, int count);
double minimum(const double *values, int count);

#endif
