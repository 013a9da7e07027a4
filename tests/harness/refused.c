// SPDX-License-Identifier: BSD-2-Clause
#include "tests/harness/refused.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/sluice.h"
#include "tests/harness/unit.h"

#define MOST_DOCUMENTS 512

static void is_refused_with_its_place(void **state)
{
	const struct bad *bad = *state;
	char *text = strdup(bad->document);
	char *mark = strchr(text, '@');
	struct sluice_config *config = (void *)1;
	unsigned int line = 1, column = 1;
	struct sluice_error error;

	assert_non_null(mark);
	for (char *c = text; c < mark; c++) {
		column = *c == '\n' ? 1 : column + 1;
		line += *c == '\n';
	}
	memmove(mark, mark + 1, strlen(mark));
	assert_int_equal(sluice_config_parse(text, strlen(text), "bad.yaml", &config, &error),
			 -EINVAL);
	free(text);
	assert_ptr_equal(config, (void *)1);
	assert_string_equal(error.message, bad->message);
	assert_string_equal(error.file, "bad.yaml");
	assert_int_equal(error.line, line);
	assert_int_equal(error.column, column);
}

int refused_run(const struct bad *documents, size_t count)
{
	static struct CMUnitTest tests[MOST_DOCUMENTS];

	if (count > MOST_DOCUMENTS)
		return 1;
	for (size_t i = 0; i < count; i++) {
		tests[i].name = documents[i].what;
		tests[i].test_func = is_refused_with_its_place;
		tests[i].initial_state = (void *)&documents[i];
	}
	return _cmocka_run_group_tests("bad documents", tests, count, NULL, NULL);
}
