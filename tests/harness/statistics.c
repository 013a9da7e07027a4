/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/harness/statistics.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double median(const double *values, int count)
{
	double sorted[STATISTICS_MOST];

	memcpy(sorted, values, (size_t)count * sizeof(*values));
	qsort(sorted, (size_t)count, sizeof(*sorted), compare);
	return sorted[count / 2];
}

double minimum(const double *values, int count)
{
	double least = values[0];

	for (int i = 1; i < count; i++)
		least = values[i] < least ? values[i] : least;
	return least;
}

static int compare_integers(const void *a, const void *b)
{
	__u32 x = *(const __u32 *)a, y = *(const __u32 *)b;

	return x < y ? -1 : x > y;
}

struct figures figures_of(__u32 *values, size_t count, double unit)
{
	qsort(values, count, sizeof(*values), compare_integers);
	return (struct figures){ values[count / 2] * unit, values[count * 99 / 100] * unit,
				 values[count * 999 / 1000] * unit };
}

__u32 middle(__u32 *values, size_t count)
{
	size_t first = count / 4, last = count - count / 4;
	__u64 sum = 0;

	qsort(values, count, sizeof(*values), compare_integers);
	for (size_t i = first; i < last; i++)
		sum += values[i];
	return (__u32)(sum / (last - first));
}
