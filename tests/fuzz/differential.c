/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * differential [SECONDS [SEED]]: compares the switch with the reference model for that long (600),
 * from that seed on (the clock's). Ends at the first mismatch with 1; the seed it prints brings it
 * back.
 */
#include "tests/harness/differential.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	const struct differential_size size = {
		.changes = 12, .questions = 100, .frames = 400, .peeks = 50
	};
	time_t end = time(NULL) + (argc > 1 ? strtol(argv[1], NULL, 10) : 600);
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL) << 20;
	struct differential *differential = differential_open();
	const struct differential_count *count;
	bool good = true;

	if (!differential)
		return 1;
	printf("differential: from seed %llu on\n", (unsigned long long)seed);
	while (good && time(NULL) < end)
		good = differential_run(differential, seed++, &size);
	count = differential_counted(differential);
	printf("differential: %lu documents, %lu versions, %lu questions, %lu frames%s\n",
	       count->documents, count->versions, count->questions, count->frames,
	       good ? "" : ", a MISMATCH");
	differential_close(differential);
	return good ? 0 : 1;
}
