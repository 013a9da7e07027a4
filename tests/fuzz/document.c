// SPDX-License-Identifier: BSD-2-Clause
/*
 * document [SECONDS [SEED]]: bends documents and reads them, for as long as it is told (60). What
 * tests/unit/config_hostile.c does three thousand times. Prints the seed of what went wrong.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "tests/harness/document.h"

int main(int argc, char **argv)
{
	long seconds = argc > 1 ? atol(argv[1]) : 60;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL) << 20;
	time_t end = time(NULL) + seconds;
	uint64_t count = 0;

	do {
		size_t length;
		char *text = document_bent(seed, &length);
		const char *wrong = document_check(text, length);

		if (wrong) {
			printf("not ok - document: seed %" PRIu64 ": %s:\n%s\n", seed, wrong, text);
			free(text);
			return 1;
		}
		free(text);
		seed++;
		count++;
	} while (time(NULL) < end);
	printf("ok - document: %" PRIu64 " bent documents\n", count);
	return 0;
}
