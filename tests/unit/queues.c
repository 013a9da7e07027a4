/* SPDX-License-Identifier: BSD-2-Clause */
/* Queues of devices on hosts that are not here, laid out as files: two nodes, CPUs 0-3 and 4-7. */
#include "tests/harness/unit.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "loader/queues.h"

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_nics_queues_are_where_its_interrupts_are),
		TEST(a_ports_work_is_held_against_the_nics_node),
		cmocka_unit_test(masks_of_cpus_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
