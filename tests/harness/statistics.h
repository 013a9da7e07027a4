/* SPDX-License-Identifier: BSD-2-Clause */
/* What is told of repeated measurements. */
#ifndef SLUICE_TESTS_STATISTICS_H
#define SLUICE_TESTS_STATISTICS_H

#define STATISTICS_MOST 64 /* values at once */

#include <linux/types.h>
#include <stddef.h>

double median(const double *values, int count);
double minimum(const double *values, int count);

struct figures {
	double median, percentile_99, percentile_99_9;
};

/* Puts the values in order and takes their figures, each times `unit`. */
struct figures figures_of(__u32 *values, size_t count, double unit);
/* The mean of the middle half of the values, which are put in order: of what a clock tells in coarse
 * steps, it tells more than their median. */
__u32 middle(__u32 *values, size_t count);

#endif
