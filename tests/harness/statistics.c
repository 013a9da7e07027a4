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
