/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers for names: stable, reused as late as can be, and safe on disk. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/ids.h"

static char directory[] = "/tmp/sluice-ids-XXXXXX";

static void a_key_keeps_its_number(void **state)
{
	struct ids *ids = ids_new(100);
	bool fresh = false;
	__u32 vm1 = ids_take(ids, "vm1", &fresh);

	(void)state;
	assert_true(vm1 > 0 && fresh);
	assert_int_not_equal(ids_take(ids, "vm2", &fresh), vm1);
	assert_int_equal(ids_take(ids, "vm1", &fresh), vm1);
	assert_false(fresh);
	assert_int_equal(ids_find(ids, "vm1"), vm1);
	assert_int_equal(ids_find(ids, "vm3"), 0);
	assert_string_equal(ids_key(ids, vm1), "vm1");
	assert_null(ids_key(ids, 0));
	assert_null(ids_key(ids, 99));
	assert_null(ids_key(ids, 100));
	ids_free(ids);
}

static void a_released_number_is_the_last_to_come_back(void **state)
{
	struct ids *ids = ids_new(10);
	char key[16];
	__u32 gone;

	(void)state;
	ids_take(ids, "stays", NULL);
	gone = ids_take(ids, "goes", NULL);
	ids_begin(ids);
	ids_take(ids, "stays", NULL);
	ids_release(ids);
	assert_int_equal(ids_find(ids, "goes"), 0);
	assert_string_equal(ids_key(ids, gone), "goes");
	for (int i = 0; i < 7; i++) {
		snprintf(key, sizeof(key), "new%d", i);
		assert_int_not_equal(ids_take(ids, key, NULL), gone);
	}
	assert_string_equal(ids_key(ids, gone), "goes");
	assert_int_equal(ids_take(ids, "last", NULL), gone);
	assert_string_equal(ids_key(ids, gone), "last");
	assert_int_equal(ids_take(ids, "one too many", NULL), 0);
	ids_free(ids);
}

static void thousands_of_keys_are_told_apart(void **state)
{
	struct ids *ids = ids_new(50000);
	char key[32];

	(void)state;
	for (int round = 0; round < 2; round++)
		for (unsigned int i = 0; i < 40000; i++) {
			snprintf(key, sizeof(key), "nsg/web/in/r%u", i);
			assert_int_equal(ids_take(ids, key, NULL), i + 1);
		}
	ids_begin(ids);
	for (unsigned int i = 0; i < 40000; i += 2) {
		snprintf(key, sizeof(key), "nsg/web/in/r%u", i);
		ids_take(ids, key, NULL);
	}
	ids_release(ids);
	for (unsigned int i = 0; i < 40000; i++) {
		snprintf(key, sizeof(key), "nsg/web/in/r%u", i);
		assert_int_equal(ids_find(ids, key), i % 2 ? 0 : i + 1);
	}
	ids_free(ids);
}

static void what_was_saved_is_loaded(void **state)
{
	struct ids *ids = ids_new(100), *loaded = ids_new(100);
	struct sluice_error error;
	char path[128];
	__u32 vm1, gone;

	(void)state;
	snprintf(path, sizeof(path), "%s/slots", directory);
	vm1 = ids_take(ids, "vm1", NULL);
	gone = ids_take(ids, "a name with spaces", NULL);
	ids_begin(ids);
	ids_take(ids, "vm1", NULL);
	ids_release(ids);
	assert_int_equal(ids_save(ids, path, &error), 0);
	assert_int_equal(ids_load(loaded, path, &error), 0);
	assert_int_equal(ids_find(loaded, "vm1"), vm1);
	assert_int_equal(ids_find(loaded, "a name with spaces"), 0);
	assert_string_equal(ids_key(loaded, gone), "a name with spaces");
	assert_int_equal(ids_take(loaded, "next", NULL), ids_take(ids, "next", NULL));
	ids_free(ids);
	ids_free(loaded);
}

static void a_damaged_file_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"",
		"something else\n",
		"sluice numbers 1 0\n",
		"sluice numbers 1 101\n",
		"sluice numbers 1 2\n* 1 vm1\n",
		"sluice numbers 1 2\n+ 0 vm1\n",
		"sluice numbers 1 2\n+ 100 vm1\n",
		"sluice numbers 1 2\n+ 1 \n",
		"sluice numbers 1 2\n+ 1 vm1\n+ 1 vm2\n",
		"sluice numbers 1 2\n+ 1 vm1\n+ 2 vm1\n",
		"sluice numbers 1 2\n+ 1 vm1\n+ 2 cut",
	};
	struct ids *ids = ids_new(100);
	struct sluice_error error;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/damaged", directory);
	ids_take(ids, "vm7", NULL);
	assert_int_equal(ids_load(ids, path, &error), -ENOENT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		FILE *file = fopen(path, "w");

		fputs(bad[i], file);
		fclose(file);
		assert_int_equal(ids_load(ids, path, &error), -EINVAL);
		assert_non_null(strstr(error.message, path));
		assert_int_equal(ids_find(ids, "vm7"), 1);
	}
	ids_free(ids);
}

static void a_failed_save_leaves_the_old_file(void **state)
{
	struct ids *ids = ids_new(100);
	struct sluice_error error;
	char path[128], temporary[140];

	(void)state;
	snprintf(path, sizeof(path), "%s/missing/slots", directory);
	assert_int_equal(ids_save(ids, path, &error), -ENOENT);
	snprintf(path, sizeof(path), "%s/slots", directory);
	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_not_equal(access(temporary, F_OK), 0);
	ids_free(ids);
}

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/slots", directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/damaged", directory);
	unlink(path);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_keeps_its_number),
		cmocka_unit_test(a_released_number_is_the_last_to_come_back),
		cmocka_unit_test(thousands_of_keys_are_told_apart),
		cmocka_unit_test(what_was_saved_is_loaded),
		cmocka_unit_test(a_damaged_file_changes_nothing),
		cmocka_unit_test(a_failed_save_leaves_the_old_file),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
