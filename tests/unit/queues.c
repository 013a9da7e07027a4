/* SPDX-License-Identifier: BSD-2-Clause */
/* Queues of devices on hosts that are not here, laid out as files: two nodes, CPUs 0-3 and 4-7. */
#include "tests/harness/unit.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "loader/cpus.h"

#define NIC "0000:01:00.0"
#define NET "/sys/class/net"

struct host {
	char root[64];
	struct survey survey;
};

static void put(const struct host *host, const char *path, const char *text)
{
	char full[PATH_MAX];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", host->root, path);
	for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(full, 0700);
		*slash = '/';
	}
	file = fopen(full, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* A NIC on node 1 with two queues, and a port of software with two. */
static int begin(void **state)
{
	struct host *host = calloc(1, sizeof(*host));

	assert_non_null(host);
	strcpy(host->root, "/tmp/sluice-queues-XXXXXX");
	assert_non_null(mkdtemp(host->root));
	host->survey.root = host->root;
	put(host, "/sys/devices/system/cpu/online", "0-7\n");
	put(host, "/sys/devices/system/node/node0/cpulist", "0-3\n");
	put(host, "/sys/devices/system/node/node1/cpulist", "4-7\n");
	put(host, "/sys/bus/pci/devices/" NIC "/numa_node", "1\n");
	put(host, "/sys/bus/pci/devices/" NIC "/msi_irqs/24", "msix\n");
	put(host, "/sys/bus/pci/devices/" NIC "/msi_irqs/25", "msix\n");
	put(host, "/proc/irq/24/smp_affinity_list", "4\n");
	put(host, "/proc/irq/25/smp_affinity_list", "5-6\n");
	put(host, NET "/eth0/queues/rx-0/rps_cpus", "00\n");
	put(host, NET "/eth0/queues/tx-0/xps_cpus", "00\n");
	put(host, NET "/tap0/queues/rx-0/rps_cpus", "00\n");
	put(host, NET "/tap0/queues/rx-1/rps_cpus", "00\n");
	put(host, NET "/tap0/queues/tx-0/xps_cpus", "00\n");
	*state = host;
	return 0;
}

static int end(void **state)
{
	struct host *host = *state;
	char command[128];
	int code;

	snprintf(command, sizeof(command), "rm -r %s", host->root);
	code = system(command);
	free(host);
	return code;
}

static struct queues read_of(const struct host *host, const char *name, const char *bus_info)
{
	const struct queue_owner owner = { .net = NET, .name = name, .bus_info = bus_info };
	struct queues queues;

	queues_read(&host->survey, &owner, &queues);
	return queues;
}

static void expect_cpus(const cpu_set_t *set, const char *wanted)
{
	char text[64];

	cpu_list_text(set, text, sizeof(text));
	assert_string_equal(text, wanted);
}

static void a_nics_queues_are_where_its_interrupts_are(void **state)
{
	struct queues queues = read_of(*state, "eth0", NIC);
	char note[160];

	assert_int_equal(queues.receive, 1);
	assert_int_equal(queues.send, 1);
	assert_int_equal(queues.node, 1);
	assert_int_equal(queues.nodes, 2);
	assert_int_equal(queues.interrupts, 2);
	expect_cpus(&queues.irq_cpus, "4-6");
	queues_note(&queues, NULL, note, sizeof(note));
	assert_string_equal(note, "");
	put(*state, "/proc/irq/25/smp_affinity_list", "3-4\n");
	queues = read_of(*state, "eth0", NIC);
	queues_note(&queues, NULL, note, sizeof(note));
	assert_string_equal(note, "1 of 2 interrupts go to CPUs off node 1, whose are 4-7");
}

static void a_ports_work_is_held_against_the_nics_node(void **state)
{
	struct queues nic = read_of(*state, "eth0", NIC), port;
	char note[160];

	put(*state, NET "/tap0/queues/rx-1/rps_cpus", "30\n");
	port = read_of(*state, "tap0", "");
	assert_int_equal(port.receive, 2);
	assert_int_equal(port.node, -1);
	expect_cpus(&port.rps_cpus, "4-5");
	queues_note(&port, &nic, note, sizeof(note));
	assert_string_equal(note, "");
	put(*state, NET "/tap0/queues/rx-0/rps_cpus", "01\n");
	port = read_of(*state, "tap0", "");
	expect_cpus(&port.rps_cpus, "0,4-5");
	queues_note(&port, &nic, note, sizeof(note));
	assert_string_equal(note, "RPS hands frames to CPUs off the NIC's node 1, whose are 4-7");
	nic.node = -1; /* the firmware names none: there is nothing to say */
	queues_note(&port, &nic, note, sizeof(note));
	assert_string_equal(note, "");
}

static void masks_of_cpus_are_read(void **state)
{
	static const char *const bad[] = { "", "x", "1 2", "-1" };
	cpu_set_t set;

	(void)state;
	assert_true(cpu_mask_parse("3\n", &set));
	expect_cpus(&set, "0-1");
	assert_true(cpu_mask_parse("80000001,0000000F", &set));
	expect_cpus(&set, "0-3,32,63");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(cpu_mask_parse(bad[i], &set));
}

/* --- set and put back --- */

static const struct queue_owner nic = { .net = NET, .name = "eth0", .bus_info = NIC };
static const struct queue_owner tap = { .net = NET, .name = "tap0", .bus_info = "" };

static struct queue_view view_of(const struct host *host)
{
	struct queue_view view = { .survey = host->survey, .sysfs = -1 };

	strcpy(view.net, NET);
	return view;
}

static void expect_file(const struct host *host, const char *path, const char *wanted)
{
	char text[64] = "";

	assert_true(survey_text(&host->survey, text, sizeof(text), "%s", path));
	assert_string_equal(text, wanted);
}

static struct cpu_settings want(const struct queue_view *view, const struct queue_owner *owner,
				const char *cpus)
{
	struct cpu_settings wanted = {};
	struct sluice_error error;

	assert_int_equal(cpu_settings_want(view, owner, cpus, NIC, &wanted, &error), 0);
	return wanted;
}

static void set(const struct queue_view *view, const struct cpu_settings *record,
		struct cpu_settings *wanted)
{
	struct sluice_error error;

	assert_int_equal(cpu_settings_note(view, record, wanted, &error), 0);
	assert_int_equal(cpu_settings_put(view, wanted, &error), 0);
	assert_true(cpu_settings_in_place(view, wanted));
}

static void a_nics_interrupts_are_spread_over_its_node_and_put_back(void **state)
{
	const struct host *host = *state;
	struct queue_view view = view_of(host);
	struct cpu_settings none = {}, first = want(&view, &nic, "node"), second;

	put(host, "/proc/irq/24/smp_affinity_list", "0-7\n");
	put(host, "/proc/irq/25/smp_affinity_list", "1\n");
	set(&view, &none, &first);
	expect_file(host, "/proc/irq/24/smp_affinity_list", "4");
	expect_file(host, "/proc/irq/25/smp_affinity_list", "5");
	/* What was there at first is what comes back, however often they are moved. */
	second = want(&view, &nic, "7,2");
	set(&view, &first, &second);
	expect_file(host, "/proc/irq/24/smp_affinity_list", "2");
	expect_file(host, "/proc/irq/25/smp_affinity_list", "7");
	assert_int_equal(cpu_settings_put_back(&view, &second, &second, NULL), 0);
	expect_file(host, "/proc/irq/25/smp_affinity_list", "7");
	/* What somebody else has set since stays. */
	put(host, "/proc/irq/24/smp_affinity_list", "3\n");
	assert_false(cpu_settings_in_place(&view, &second));
	assert_int_equal(cpu_settings_put_back(&view, &second, &none, NULL), 0);
	expect_file(host, "/proc/irq/24/smp_affinity_list", "3");
	expect_file(host, "/proc/irq/25/smp_affinity_list", "1");
	cpu_settings_free(&first);
	cpu_settings_free(&second);
}

static void a_ports_frames_go_to_the_nics_node(void **state)
{
	const struct host *host = *state;
	struct queue_view view = view_of(host);
	struct cpu_settings none = {}, wanted = want(&view, &tap, "node");

	set(&view, &none, &wanted);
	expect_file(host, NET "/tap0/queues/rx-0/rps_cpus", "000000f0");
	expect_file(host, NET "/tap0/queues/rx-1/rps_cpus", "000000f0");
	assert_int_equal(cpu_settings_put_back(&view, &wanted, &none, NULL), 0);
	expect_file(host, NET "/tap0/queues/rx-1/rps_cpus", "00000000");
	cpu_settings_free(&wanted);
	/* On a host of one node, or where none is named, there is nothing to choose. */
	put(host, "/sys/bus/pci/devices/" NIC "/numa_node", "-1\n");
	wanted = want(&view, &tap, "node");
	assert_int_equal(wanted.count, 0);
}

static void what_cannot_be_set_is_said(void **state)
{
	const struct host *host = *state;
	const struct queue_owner bare = { .net = NET, .name = "lo", .bus_info = "" };
	struct queue_view view = view_of(host);
	struct cpu_settings none = {}, wanted = {};
	struct sluice_error error;
	char canonical[96];

	assert_int_equal(cpu_settings_want(&view, &bare, "0", "", &wanted, &error), -ENOTSUP);
	assert_string_equal(error.message, "cpus: lo has neither interrupts nor RPS to be placed: "
					   "leave the key out");
	wanted = want(&view, &tap, "6-8");
	assert_int_equal(cpu_settings_note(&view, &none, &wanted, &error), 0);
	assert_int_equal(cpu_settings_put(&view, &wanted, &error), -EINVAL);
	assert_string_equal(error.message, "cpus: of 6-8 for tap0 not all are online: name some of 0-7");
	expect_file(host, NET "/tap0/queues/rx-0/rps_cpus", "00");
	cpu_settings_free(&wanted);
	assert_int_equal(cpus_check("3,1-2", canonical, &error), 0);
	assert_string_equal(canonical, "1-3");
	assert_int_equal(cpus_check("", canonical, &error), -EINVAL);
	assert_int_equal(cpus_check("nodes", canonical, &error), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_nics_queues_are_where_its_interrupts_are),
		TEST(a_ports_work_is_held_against_the_nics_node),
		TEST(a_nics_interrupts_are_spread_over_its_node_and_put_back),
		TEST(a_ports_frames_go_to_the_nics_node),
		TEST(what_cannot_be_set_is_said),
		cmocka_unit_test(masks_of_cpus_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
