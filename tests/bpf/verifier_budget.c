/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the verifier has to walk to accept each program, and how long the programs are, held against
 * the recorded figures of verifier_budget.txt: more than a fifth above them fails.
 *
 * Kernels differ a lot in how soon they see that two paths are one, so what they walk is compared
 * on the recorded kernel only; on others, a tenth of the verifier's million has to be left. After
 * a change that is worth its price: build/tests/bpf/verifier_budget --record
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bpf/sluice.skel.h"
#include "bpf/xsk.skel.h"
#include "tests/harness/bpf_switch.h"

#define RECORD "tests/bpf/verifier_budget.txt"
#define MOST   900000

struct figures {
	char program[32];
	unsigned int verified; /* instructions walked; 0 on kernels before 5.16 */
	unsigned int bytes;    /* of the translated program */
};

static struct figures measure(const struct bpf_program *program)
{
	struct bpf_prog_info info = { .type = 0 };
	__u32 length = sizeof(info);
	struct figures figures = { .verified = 0 };

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length))
		fail_msg("%s: %s", bpf_program__name(program), strerror(errno));
	snprintf(figures.program, sizeof(figures.program), "%s", bpf_program__name(program));
	figures.verified = info.verified_insns;
	figures.bytes = info.xlated_prog_len;
	return figures;
}

static bool recorded(const char *program, struct figures *figures)
{
	FILE *file = fopen(RECORD, "r");
	char line[128];
	bool found = false;

	if (!file)
		fail_msg("%s: %s (run from the top of the tree)", RECORD, strerror(errno));
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%31s %u %u", figures->program, &figures->verified,
			       &figures->bytes) == 3 &&
			!strcmp(figures->program, program);
	fclose(file);
	return found;
}

/* "6.18" of "6.18.44-amd64". */
static void kernel_series(char *series, size_t size)
{
	struct utsname name;
	int major, minor;

	assert_int_equal(uname(&name), 0);
	assert_int_equal(sscanf(name.release, "%d.%d", &major, &minor), 2);
	snprintf(series, size, "kernel-%d.%d", major, minor);
}

static void expect_within(const char *program, const char *what, unsigned int now,
			  unsigned int then)
{
	if (now > then + then / 5)
		fail_msg("%s: %u %s, a fifth above the recorded %u", program, now, what, then);
}

static void programs_stay_within_their_budget(void **state)
{
	struct bpf_switch *sw = *state;
	struct bpf_program *program;
	struct figures kernel;
	char series[32];
	bool comparable;

	kernel_series(series, sizeof(series));
	comparable = recorded(series, &kernel);
	bpf_object__for_each_program(program, sw->skeleton->obj) {
		struct figures now = measure(program), then;

		print_message("%-20s %7u instructions verified, %6u bytes\n", now.program,
			      now.verified, now.bytes);
		if (!recorded(now.program, &then))
			fail_msg("%s is not in " RECORD, now.program);
		assert_true(now.verified < MOST);
		if (comparable)
			expect_within(now.program, "instructions verified", now.verified,
				      then.verified);
		expect_within(now.program, "bytes", now.bytes, then.bytes);
	}
}

/*
 * Kernel 6.1 rounds each function's part of the stack up to 32 bytes before it adds the parts of
 * a chain of calls up, and refuses more than 512; newer kernels take what it refuses. Our
 * deepest chain has 256 bytes of calls on top of the entry point. The logs are large because the
 * verifier, on its way, writes far more into them than it leaves there.
 */
static void entry_points_leave_room_on_the_stack_of_older_kernels(void **state)
{
	struct sluice_bpf *skeleton = sluice_bpf__open();
	static char logs[16][1 << 22];
	struct bpf_program *program;
	size_t count = 0;

	(void)state;
	assert_non_null(skeleton);
	bpf_object__for_each_program(program, skeleton->obj) {
		assert_true(count < 16);
		assert_int_equal(bpf_program__set_log_level(program, 4), 0);
		assert_int_equal(bpf_program__set_log_buf(program, logs[count], sizeof(*logs)), 0);
		count++;
	}
	assert_int_equal(sluice_bpf__load(skeleton), 0);
	for (size_t i = 0; i < count; i++) {
		const char *depth = strstr(logs[i], "stack depth ");
		unsigned int bytes;

		assert_non_null(depth);
		/* Linux 7 says here what the deepest chain of calls takes, entry point included. */
		if (sscanf(depth, "stack depth max %u", &bytes) == 1) {
			assert_in_range(bytes, 0, 512);
			continue;
		}
		if (sscanf(depth, "stack depth %u", &bytes) != 1)
			fail_msg("the verifier says '%.60s'", depth);
		assert_in_range(bytes, 0, 256);
	}
	sluice_bpf__destroy(skeleton);
}

/* What is loaded once for each AF_XDP port. Older kernels take it, or do not, when they run this. */
static void the_program_of_far_ends_is_taken(void **state)
{
	struct xsk_bpf *skeleton = xsk_bpf__open_and_load();
	struct figures now;

	(void)state;
	assert_non_null(skeleton);
	now = measure(skeleton->progs.sluice_xsk);
	print_message("%-20s %7u instructions verified, %6u bytes\n", now.program, now.verified,
		      now.bytes);
	assert_true(now.verified < MOST);
	xsk_bpf__destroy(skeleton);
}

static void record_the_budget(void **state)
{
	struct bpf_switch *sw = *state;
	struct bpf_program *program;
	FILE *file = fopen(RECORD, "w");
	char series[32];

	assert_non_null(file);
	kernel_series(series, sizeof(series));
	fprintf(file, "# program, instructions verified, bytes: verifier_budget --record\n%s 0 0\n",
		series);
	bpf_object__for_each_program(program, sw->skeleton->obj) {
		struct figures now = measure(program);

		fprintf(file, "%s %u %u\n", now.program, now.verified, now.bytes);
	}
	fclose(file);
}

int main(int count, char **arguments)
{
	const struct CMUnitTest check[] = {
		cmocka_unit_test(programs_stay_within_their_budget),
		cmocka_unit_test(entry_points_leave_room_on_the_stack_of_older_kernels),
		cmocka_unit_test(the_program_of_far_ends_is_taken),
	};
	const struct CMUnitTest record[] = { cmocka_unit_test(record_the_budget) };

	if (count > 1 && !strcmp(arguments[1], "--record"))
		return cmocka_run_group_tests(record, open_switch, close_switch);
	return cmocka_run_group_tests(check, open_switch, close_switch);
}
