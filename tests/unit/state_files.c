/* SPDX-License-Identifier: BSD-2-Clause */
/* The state directory's files: private, replaced whole, pruned; and the lock beside them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loader/lock.h"

static struct sluice sw;

static int make_state(void **state)
{
	char path[STATE_PATH_MAX];

	(void)state;
	sw = (struct sluice){ .name = "test", .lock_fd = -1 };
	strcpy(sw.state, "/tmp/sluice-state-XXXXXX");
	if (!mkdtemp(sw.state))
		return -1;
	state_path(&sw, "versions", path);
	return mkdir(path, 0700);
}

static int remove_state(void **state)
{
	(void)state;
	lock_drop(&sw);
	return remove_tree(sw.state, NULL);
}

static void a_file_is_replaced_whole_and_leaves_no_temporary(void **state)
{
	char path[STATE_PATH_MAX], *text;
	size_t length;

	(void)state;
	assert_int_equal(state_read(&sw, "f", &text, &length, NULL), -ENOENT);
	assert_int_equal(state_write(&sw, "f", "first and long", 14, NULL), 0);
	assert_int_equal(state_write(&sw, "f", "second", 6, NULL), 0);
	assert_int_equal(state_read(&sw, "f", &text, &length, NULL), 0);
	assert_int_equal(length, 6);
	assert_string_equal(text, "second");
	free(text);
	state_path(&sw, "f.tmp", path);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(state_remove(&sw, "f", NULL), 0);
	assert_int_equal(state_remove(&sw, "f", NULL), 0);
	assert_false(state_has(&sw, "f"));
}

static void a_file_is_not_read_through_a_link(void **state)
{
	char path[STATE_PATH_MAX], *text;
	struct sluice_error error;

	(void)state;
	state_path(&sw, "f", path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(state_read(&sw, "f", &text, NULL, &error), -ELOOP);
}

static void a_place_that_others_may_write_to_is_refused(void **state)
{
	char path[STATE_PATH_MAX];
	struct sluice_error error;
	struct stat info;

	(void)state;
	if (geteuid())
		skip();
	state_path(&sw, "d", path);
	assert_int_equal(state_check_directory(path, &error), -ENOENT);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(state_private_directory(path, &error), 0);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
	assert_int_equal(chmod(path, 0720), 0);
	assert_int_equal(state_private_directory(path, &error), -EPERM);
	assert_non_null(strstr(error.message, "must belong to root alone"));
	assert_int_equal(chmod(path, 0702), 0);
	assert_int_equal(state_check_directory(path, &error), -EPERM);
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(chown(path, 1, 0), 0);
	assert_int_equal(state_check_directory(path, &error), -EPERM);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/root", path), 0);
	assert_int_equal(state_private_directory(path, &error), -EPERM);
	assert_non_null(strstr(error.message, "is not a directory"));
}

static void put_version(unsigned int number, const char *why)
{
	struct version_head head = { .number = number, .time = 1000 + number };

	snprintf(head.why, sizeof(head.why), "%s", why);
	assert_int_equal(state_write_version(&sw, &head, "a: 1\n", 5, NULL), 0);
}

static void a_version_says_when_and_why_in_its_first_line(void **state)
{
	struct version_head head;
	char *text;

	(void)state;
	put_version(7, "apply two\nlines: # \033[1m");
	assert_int_equal(state_read_head(&sw, 7, &head, NULL), 0);
	assert_int_equal(head.number, 7);
	assert_int_equal(head.time, 1007);
	assert_string_equal(head.why, "apply two lines: #  [1m");
	assert_int_equal(state_read(&sw, "versions/7.yaml", &text, NULL, NULL), 0);
	assert_int_equal(text[0], '#');
	assert_string_equal(strchr(text, '\n'), "\na: 1\n");
	free(text);
	assert_int_equal(state_read_head(&sw, 8, &head, NULL), -ENOENT);
}

static void a_line_that_is_no_head_is_not_taken_for_one(void **state)
{
	static const char *const lines[] = { "", "# version", "# version x time 1 why y",
					     "apiVersion: sluice/v1", "# version 1 time 2" };
	struct version_head head = { .number = 42 };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(version_head_parse(lines[i], &head));
	assert_int_equal(head.number, 42);
	assert_true(version_head_parse("# version 3 time 4 why \n", &head));
	assert_int_equal(head.number, 3);
	assert_string_equal(head.why, "");
}

static void versions_above_the_running_one_and_old_ones_are_pruned(void **state)
{
	struct version_file *files;
	size_t count;

	(void)state;
	for (unsigned int i = 1; i <= 50; i++)
		put_version(i, "");
	assert_int_equal(state_write(&sw, "versions/51.yaml.tmp", "", 0, NULL), 0);
	assert_int_equal(state_prune_versions(&sw, 48, 3, NULL), 0);
	assert_int_equal(state_versions(&sw, &files, &count, NULL), 0);
	/* The last 32 up to 48, and number 3, which a pending rollback needs. */
	assert_int_equal(count, 33);
	assert_int_equal(files[0].number, 3);
	assert_int_equal(files[1].number, 17);
	assert_int_equal(files[32].number, 48);
	free(files);
}

static void put_edits(unsigned int number)
{
	struct version_head head = { .number = number };

	assert_int_equal(state_write_edits(&sw, &head, "\n", 1, NULL), 0);
}

static void a_whole_version_stays_while_one_made_from_it_is_kept(void **state)
{
	struct version_file *files;
	size_t count;

	(void)state;
	put_version(100, "");
	put_version(101, "");
	put_edits(102);
	put_edits(103);
	put_version(104, "");
	for (unsigned int i = 105; i < 150; i++)
		put_edits(i);
	assert_int_equal(state_prune_versions(&sw, 148, 102, NULL), 0);
	assert_int_equal(state_versions(&sw, &files, &count, NULL), 0);
	/* The last 32, the whole one that they began with, 102 as wished, and 101 that it began with. */
	assert_int_equal(count, 35);
	assert_int_equal(files[0].number, 101);
	assert_int_equal(files[1].number, 102);
	assert_true(files[1].edits);
	assert_int_equal(files[2].number, 104);
	assert_false(files[2].edits);
	assert_int_equal(files[3].number, 117);
	assert_int_equal(files[34].number, 148);
	free(files);
}

/* A child that holds the lock until it is killed; it tells through the pipe that it has it. */
static pid_t start_holder(void)
{
	char byte;
	int ends[2];
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (!child) {
		/* A failing test must not leave it behind. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (lock_take(&sw, 0, true, NULL))
			_exit(1);
		if (write(ends[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return child;
}

static void a_held_lock_is_refused_with_its_holders_pid(void **state)
{
	pid_t child = start_holder();
	struct sluice_error error;
	char pid[32];

	(void)state;
	assert_int_equal(lock_take(&sw, 0, false, &error), -EBUSY);
	snprintf(pid, sizeof(pid), "process %d", child);
	assert_non_null(strstr(error.message, pid));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void a_killed_holder_keeps_nobody_out(void **state)
{
	pid_t child = start_holder();

	(void)state;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(lock_take(&sw, 0, false, NULL), 0);
}

static void a_waiting_writer_gets_its_turn_when_the_holder_dies(void **state)
{
	pid_t child = start_holder();
	pid_t killer = fork();

	(void)state;
	if (!killer) {
		usleep(100000);
		kill(child, SIGKILL);
		_exit(0);
	}
	assert_int_equal(lock_take(&sw, 20, false, NULL), 0);
	waitpid(child, NULL, 0);
	waitpid(killer, NULL, 0);
}

static void a_lock_whose_file_was_removed_is_none(void **state)
{
	char path[STATE_PATH_MAX];
	struct sluice_error error;
	pid_t child = start_holder();
	pid_t killer = fork();

	(void)state;
	state_path(&sw, "lock", path);
	if (!killer) {
		usleep(100000);
		unlink(path);
		kill(child, SIGKILL);
		_exit(0);
	}
	assert_int_equal(lock_take(&sw, 20, false, &error), -ENOTCONN);
	waitpid(child, NULL, 0);
	waitpid(killer, NULL, 0);
	assert_int_equal(lock_take(&sw, 0, false, &error), -ENOTCONN);
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_state, remove_state)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_file_is_replaced_whole_and_leaves_no_temporary),
		test(a_file_is_not_read_through_a_link),
		test(a_place_that_others_may_write_to_is_refused),
		test(a_version_says_when_and_why_in_its_first_line),
		test(a_line_that_is_no_head_is_not_taken_for_one),
		test(versions_above_the_running_one_and_old_ones_are_pruned),
		test(a_whole_version_stays_while_one_made_from_it_is_kept),
		test(a_held_lock_is_refused_with_its_holders_pid),
		test(a_killed_holder_keeps_nobody_out),
		test(a_waiting_writer_gets_its_turn_when_the_holder_dies),
		test(a_lock_whose_file_was_removed_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
