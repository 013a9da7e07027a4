/* SPDX-License-Identifier: BSD-2-Clause */
/* The doctor on hosts that are not here: laid out as files, or told as facts of an interface. */
#include "tests/harness/unit.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/doctor.h"
#include "loader/queues.h"
#include "loader/xdp_features.h"

#define NIC       "0000:01:00.0"
#define BUS       "/sys/bus/pci/devices/"
#define ROOT_PORT "0000:00:1c.0"

struct host {
	char root[64];
	struct survey survey;
};

/* --- laying out --- */

static void make_directories(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
}

static void put_bytes(const struct host *host, const char *path, const void *bytes, size_t length)
{
	char full[PATH_MAX];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", host->root, path);
	make_directories(full);
	file = fopen(full, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void put(const struct host *host, const char *path, const char *text)
{
	put_bytes(host, path, text, strlen(text));
}

static void lead(const struct host *host, const char *path, const char *target)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", host->root, path);
	make_directories(full);
	unlink(full);
	assert_int_equal(symlink(target, full), 0);
}

/* Configuration space of a bridge: one capability before, and ACS with this control word. */
static void put_bridge(const struct host *host, const char *address, unsigned int acs_control)
{
	unsigned char config[512] = { 0 };
	char path[PATH_MAX];

	config[0x100] = 0x01; /* AER, version 1, the next at 0x140 */
	config[0x102] = 0x01;
	config[0x103] = 0x14;
	config[0x140] = 0x0d;
	config[0x142] = 0x01;
	config[0x146] = (unsigned char)acs_control;
	snprintf(path, sizeof(path), BUS "%s/config", address);
	put_bytes(host, path, config, sizeof(config));
	snprintf(path, sizeof(path), BUS "%s/class", address);
	put(host, path, "0x060400\n");
}

static void put_windows(const struct host *host, const char *first)
{
	char text[1024] = "";

	for (int i = 0; i < 13; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%s 0x0000000000000000 0x0000000000140204\n",
			 i == 7 ? first : "0x0000000000000000");
	put(host, BUS NIC "/resource", text);
}

static void put_vf(const struct host *host, int number, const char *address, const char *driver,
		   const char *group)
{
	char path[PATH_MAX], target[PATH_MAX];

	snprintf(path, sizeof(path), BUS NIC "/virtfn%d", number);
	snprintf(target, sizeof(target), "../%s", address);
	lead(host, path, target);
	snprintf(path, sizeof(path), BUS "%s/class", address);
	put(host, path, "0x020000\n");
	snprintf(path, sizeof(path), BUS "%s/driver", address);
	snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s", driver);
	if (*driver)
		lead(host, path, target);
	snprintf(path, sizeof(path), BUS "%s/iommu_group", address);
	snprintf(target, sizeof(target), "../../../../kernel/iommu_groups/%s", group);
	lead(host, path, target);
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%s/devices/%s", group, address);
	put(host, path, "");
}

/* A server of two nodes whose NIC hangs on node 1, below a root port with ACS. */
static void lay_server(const struct host *host)
{
	put(host, "/proc/sys/kernel/osrelease", "6.12.0-amd64\n");
	put(host, "/sys/kernel/btf/vmlinux", "");
	put(host, "/proc/self/limits",
	    "Limit Soft Hard Units\nMax locked memory         8388608    "
	    "          8388608              bytes     \n");
	put(host, "/proc/cpuinfo", "vendor_id\t: GenuineIntel\n");
	put(host, "/proc/interrupts", " 24:  0  0  IR-PCI-MSI 524288-edge  eth0\n");
	put(host, "/sys/devices/system/node/node0/cpulist", "0-3\n");
	put(host, "/sys/devices/system/node/node1/cpulist", "4-7\n");
	put(host, BUS NIC "/class", "0x020000\n");
	put(host, BUS NIC "/sriov_totalvfs", "8\n");
	put(host, BUS NIC "/sriov_numvfs", "0\n");
	put(host, BUS NIC "/numa_node", "1\n");
	put(host, BUS NIC "/msi_irqs/24", "msix\n");
	put(host, BUS NIC "/msi_irqs/25", "msix\n");
	put(host, "/proc/irq/24/effective_affinity_list", "4\n");
	put(host, "/proc/irq/25/smp_affinity_list", "6-7\n");
	put_windows(host, "0x00000000fe400000");
	lead(host, BUS NIC "/iommu_group", "../../../../kernel/iommu_groups/14");
	put(host, "/sys/kernel/iommu_groups/14/devices/" NIC, "");
	put_bridge(host, ROOT_PORT, 0x1d);
}

/* The NIC's directory is moved to where it hangs, and found on the bus by a link. */
static void hang_below(const struct host *host, const char *bridge)
{
	char from[PATH_MAX], to[PATH_MAX], target[PATH_MAX];

	snprintf(from, sizeof(from), "%s" BUS NIC, host->root);
	snprintf(to, sizeof(to), "%s/sys/devices/pci0000:00/%s/" NIC, host->root, bridge);
	make_directories(to);
	assert_int_equal(rename(from, to), 0);
	snprintf(target, sizeof(target), "../../../devices/pci0000:00/%s/" NIC, bridge);
	lead(host, "/sys/bus/pci/devices/" NIC, target);
}

static int begin(void **state)
{
	struct host *host = calloc(1, sizeof(*host));

	if (!host)
		return -1;
	strcpy(host->root, "/tmp/sluice-host-XXXXXX");
	host->survey.root = host->root;
	*state = host;
	return mkdtemp(host->root) ? 0 : -1;
}

static int end(void **state)
{
	struct host *host = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", host->root);
	free(host->survey.list);
	free(host);
	*state = NULL;
	return system(command);
}

static void forget(struct host *host)
{
	free(host->survey.list);
	host->survey = (struct survey){ .root = host->root };
}

/* --- looking --- */

static const struct sluice_finding *find(const struct host *host, const char *subject)
{
	for (size_t i = 0; i < host->survey.count; i++)
		if (!strcmp(host->survey.list[i].subject, subject))
			return &host->survey.list[i];
	return NULL;
}

static void expect(const struct host *host, enum sluice_finding_level level, const char *subject,
		   const char *text, const char *remedy)
{
	const struct sluice_finding *finding = find(host, subject);

	if (!finding)
		fail_msg("nothing is said of \"%s\"", subject);
	if (finding->level != level || !strstr(finding->text, text) ||
	    !strstr(finding->remedy, remedy))
		fail_msg("%s: level %d \"%s\", run: %s", subject, finding->level, finding->text,
			 finding->remedy);
}

/* --- hosts --- */

static void a_server_with_all_there_is_has_nothing_to_mend(void **state)
{
	struct host *host = *state;

	lay_server(host);
	put(host, BUS NIC "/sriov_numvfs", "2\n");
	put_vf(host, 0, "0000:01:10.0", "vfio-pci", "20");
	put_vf(host, 1, "0000:01:10.4", "igbvf", "21");
	hang_below(host, ROOT_PORT);
	doctor_kernel(&host->survey);
	doctor_host(&host->survey);
	doctor_pci(&host->survey, "eth0", NIC);
	for (size_t i = 0; i < host->survey.count; i++)
		if (host->survey.list[i].level != SLUICE_OK)
			fail_msg("%s: %s", host->survey.list[i].subject, host->survey.list[i].text);
	expect(host, SLUICE_OK, "eth0: SR-IOV",
	       "2 of 8 VFs made: 1 with vfio-pci for VMs, 1 interfaces, 0 without driver", "");
	expect(host, SLUICE_OK, "eth0: IOMMU group", "14, alone", "");
	expect(host, SLUICE_OK, "eth0: ACS", "on at the 1 ports above", "");
	expect(host, SLUICE_OK, "eth0: NUMA node", "1 of 2, 2 interrupts on CPUs 4,6-7", "");
	expect(host, SLUICE_OK, "interrupt remapping", "on", "");
	expect(host, SLUICE_OK, "NUMA nodes", "2", "");
}

static void interrupts_on_another_node_are_brought_home_by_one_command(void **state)
{
	struct host *host = *state;

	lay_server(host);
	put(host, "/proc/irq/25/smp_affinity_list", "0-7\n");
	hang_below(host, ROOT_PORT);
	doctor_pci(&host->survey, "eth0", NIC);
	expect(host, SLUICE_SLOWER, "eth0: NUMA node", "node 1, but 1 of 2 interrupts",
	       "/sys/bus/pci/devices/" NIC "/msi_irqs/*; do echo 4-7 >/proc/irq/");
	put(host, "/sys/devices/pci0000:00/" ROOT_PORT "/" NIC "/numa_node", "-1\n");
	forget(host);
	doctor_pci(&host->survey, "eth0", NIC);
	expect(host, SLUICE_SLOWER, "eth0: NUMA node", "does not say which of 2", "");
}

static void vfs_without_memory_windows_are_named_before_they_fail(void **state)
{
	struct host *host = *state;

	lay_server(host);
	put_windows(host, "0x0000000000000000");
	doctor_pci(&host->survey, "eth0", NIC);
	expect(host, SLUICE_CANNOT, "eth0: SR-IOV", "Above 4G decoding", "pci=realloc");
	put(host, BUS NIC "/sriov_totalvfs", "0\n");
	forget(host);
	doctor_pci(&host->survey, "eth0", NIC);
	expect(host, SLUICE_SLOWER, "eth0: SR-IOV", "no VFs", "");
	put_windows(host, "0x00000000fe400000");
	put(host, BUS NIC "/sriov_totalvfs", "8\n");
	forget(host);
	doctor_pci(&host->survey, "eth0", NIC);
	expect(host, SLUICE_OK, "eth0: SR-IOV", "up to 8 VFs, none made", "");
	lead(host, BUS NIC "/physfn", "../0000:02:00.0");
	forget(host);
	doctor_pci(&host->survey, "eth0", NIC);
	expect(host, SLUICE_OK, "eth0: SR-IOV", "a VF of 0000:02:00.0", "");
}

static void what_keeps_vfs_apart_is_looked_at(void **state)
{
	struct host *host = *state;

	lay_server(host);
	put(host, BUS NIC "/sriov_numvfs", "2\n");
	put_vf(host, 0, "0000:01:10.0", "vfio-pci", "20");
	put_vf(host, 1, "0000:01:10.4", "", "20");
	put(host, "/sys/kernel/iommu_groups/14/devices/0000:01:00.1", "");
	put(host, "/sys/kernel/iommu_groups/14/devices/" ROOT_PORT, "");
	put_bridge(host, ROOT_PORT, 0x01);
	hang_below(host, ROOT_PORT);
	doctor_pci(&host->survey, "eth0", NIC);
	expect(host, SLUICE_CANNOT, "eth0: VF isolation", "0000:01:10.0 with 0000:01:10.4", "");
	expect(host, SLUICE_SLOWER, "eth0: IOMMU group", "14, shared with 0000:01:00.1:", "");
	expect(host, SLUICE_SLOWER, "eth0: ACS", "off at " ROOT_PORT, "");
	put_bytes(host, BUS ROOT_PORT "/config", (char[512]){ 0 }, 512);
	forget(host);
	doctor_pci(&host->survey, "eth0", NIC);
	expect(host, SLUICE_SLOWER, "eth0: ACS", ROOT_PORT " above it has none", "");
	put_bytes(host, BUS ROOT_PORT "/config", (char[64]){ 0 }, 64);
	forget(host);
	doctor_pci(&host->survey, "eth0", NIC);
	expect(host, SLUICE_CANNOT, "eth0: ACS", "cannot be read", "sudo");
}

static void a_configuration_space_that_leads_in_circles_is_left(void **state)
{
	unsigned char config[512] = { 0 };
	struct host *host = *state;

	lay_server(host);
	config[0x100] = 0x01;
	config[0x102] = 0x01;
	config[0x103] = 0x10; /* the next is this one */
	put_bytes(host, BUS ROOT_PORT "/config", config, sizeof(config));
	hang_below(host, ROOT_PORT);
	doctor_pci(&host->survey, "eth0", NIC);
	expect(host, SLUICE_SLOWER, "eth0: ACS", "has none", "");
}

static void a_host_without_iommu_says_how_to_have_one(void **state)
{
	struct host *host = *state;

	put(host, "/proc/cpuinfo", "vendor_id\t: GenuineIntel\n");
	put(host, "/proc/interrupts", " 24:  0  PCI-MSI 524288-edge  eth0\n");
	doctor_host(&host->survey);
	expect(host, SLUICE_SLOWER, "IOMMU", "VT-d", "intel_iommu=on iommu=pt");
	put(host, "/sys/kernel/iommu_groups/1/devices/x", "");
	forget(host);
	doctor_host(&host->survey);
	expect(host, SLUICE_OK, "IOMMU", "1 groups", "");
	expect(host, SLUICE_CANNOT, "interrupt remapping", "off", "dmesg");
	put(host, "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
	put(host, "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "500\n");
	forget(host);
	doctor_host(&host->survey);
	expect(host, SLUICE_OK, "huge pages", "512 of 2 MiB, 500 free", "");
}

static void an_old_or_small_kernel_is_named(void **state)
{
	struct host *host = *state;

	lay_server(host);
	put(host, "/proc/sys/kernel/osrelease", "5.10.0-30-amd64\n");
	put(host, "/proc/sys/net/core/bpf_jit_enable", "0\n");
	put(host, "/proc/self/cgroup", "12:pids:/x\n0::/user.slice\n");
	put(host, "/sys/fs/cgroup/user.slice/memory.max", "67108864\n");
	doctor_kernel(&host->survey);
	expect(host, SLUICE_CANNOT, "kernel", "5.10.0-30-amd64", "apt-get install");
	expect(host, SLUICE_CANNOT, "locked memory", "limit 8388608 bytes", "ulimit -l unlimited");
	expect(host, SLUICE_SLOWER, "BPF JIT", "off", "sysctl -w net.core.bpf_jit_enable=1");
	expect(host, SLUICE_SLOWER, "cgroup memory", "64 MiB", "/user.slice/memory.max");
	put(host, "/proc/sys/kernel/osrelease", "6.1.0\n");
	forget(host);
	doctor_kernel(&host->survey);
	expect(host, SLUICE_OK, "kernel", "6.1.0", "");
	expect(host, SLUICE_OK, "locked memory", "not counted", "");
}

static void a_kernel_without_btf_is_named(void **state)
{
	struct host *host = *state;

	put(host, "/proc/sys/kernel/osrelease", "6.1.0\n");
	doctor_kernel(&host->survey);
	expect(host, SLUICE_CANNOT, "kernel BTF", "no program can be loaded", "apt-get");
	expect(host, SLUICE_SLOWER, "locked memory", "can not be read", "mount");
}

static void managers_are_found_by_what_they_run(void **state)
{
	struct host *host = *state;

	doctor_managers(&host->survey);
	expect(host, SLUICE_OK, "managers", "no virtualization", "");
	forget(host);
	put(host, "/run/libvirt/virtqemud-sock", "");
	put(host, "/run/docker.sock", "");
	put(host, "/run/openvswitch/db.sock", "");
	put(host, "/run/systemd/netif/state", "");
	put(host, "/run/systemd/netif/links/7", "ADMIN_STATE=configured\n");
	put(host, "/run/NetworkManager/devices/7", "[device]\nmanaged=true\n");
	doctor_managers(&host->survey);
	doctor_managed(&host->survey, "eth0", 7);
	assert_null(find(host, "managers"));
	expect(host, SLUICE_OK, "libvirt", "ethernet", "");
	expect(host, SLUICE_OK, "Docker", "--network none", "");
	expect(host, SLUICE_OK, "Open vSwitch", "", "");
	expect(host, SLUICE_OK, "systemd-networkd", "", "");
	expect(host, SLUICE_SLOWER, "NetworkManager", "", "unmanaged-devices");
	expect(host, SLUICE_SLOWER, "eth0: NetworkManager", "manages it", "nmcli device set eth0");
	expect(host, SLUICE_OK, "eth0: systemd-networkd", "configures it", "");
}

static void a_hypervisor_that_fixes_offloads_is_told_apart(void **state)
{
	struct host *host = *state;

	/* Bits 1 (GUEST_CSUM), 7 and 8 (GUEST_TSO4, 6), not 2 (CTRL_GUEST_OFFLOADS). */
	put(host, BUS NIC "/virtio3/features", "0100000110000000\n");
	doctor_virtio(&host->survey, "eth0", NIC);
	expect(host, SLUICE_SLOWER, "eth0: virtio offloads", "refuses native XDP",
	       ",guest_csum=off,guest_tso4=off,guest_tso6=off");
	forget(host);
	put(host, BUS NIC "/virtio3/features", "0110000110000000\n");
	doctor_virtio(&host->survey, "eth0", NIC);
	assert_int_equal(host->survey.count, 0);
}

/* --- interfaces --- */

static struct device_facts plain_nic(void)
{
	return (struct device_facts){ .name = "eth0",
				      .driver = "ice",
				      .bus_info = NIC,
				      .mtu = 1500,
				      .features_known = true,
				      .xdp_features = 0xf,
				      .offloads = { OFFLOAD_OFF, OFFLOAD_OFF, OFFLOAD_OFF,
						    OFFLOAD_OFF_FIXED },
				      .queues = 4,
				      .most_queues = 64 };
}

static void judge(struct host *host, const struct device_facts *facts)
{
	forget(host);
	device_facts_judge(&host->survey, facts, 4);
}

static void a_nic_with_all_there_is_has_nothing_to_mend(void **state)
{
	struct device_facts facts = plain_nic();
	struct host *host = *state;

	judge(host, &facts);
	for (size_t i = 0; i < host->survey.count; i++)
		assert_int_equal(host->survey.list[i].level, SLUICE_OK);
	expect(host, SLUICE_OK, "eth0: AF_XDP", "zero-copy", "");
	expect(host, SLUICE_OK, "eth0: MAC filter", "its own MACs only", "");
}

static void a_driver_that_can_do_less_with_xdp_is_named(void **state)
{
	struct device_facts facts = plain_nic();
	struct host *host = *state;

	facts.xdp_features = 0;
	judge(host, &facts);
	expect(host, SLUICE_SLOWER, "eth0: native XDP", "generic XDP", "");
	facts.xdp_features = XDP_FEATURE_BASIC;
	judge(host, &facts);
	expect(host, SLUICE_SLOWER, "eth0: XDP redirect", "through tc", "");
	expect(host, SLUICE_SLOWER, "eth0: XDP target", "can not be redirected", "");
	expect(host, SLUICE_SLOWER, "eth0: AF_XDP", "copy mode", "");
	facts.features_known = false;
	strcpy(facts.driver, "tg3");
	judge(host, &facts);
	expect(host, SLUICE_SLOWER, "eth0: native XDP", "by the table of drivers", "");
	strcpy(facts.driver, "i40e");
	facts.mtu = 9000;
	judge(host, &facts);
	expect(host, SLUICE_OK, "eth0: native XDP", "by the table of drivers", "");
	expect(host, SLUICE_SLOWER, "eth0: MTU", "9000 is above 3046", "ip link set eth0 mtu 3046");
}

static void offloads_in_the_way_are_named(void **state)
{
	struct device_facts facts = plain_nic();
	struct host *host = *state;

	facts.offloads[OFFLOAD_RXVLAN] = OFFLOAD_ON;
	facts.offloads[OFFLOAD_LRO] = OFFLOAD_ON;
	facts.offloads[OFFLOAD_GRO_HW] = OFFLOAD_ON_FIXED;
	facts.offloads[OFFLOAD_HW_TC] = OFFLOAD_OFF;
	facts.embedded = EMBEDDED_LEGACY;
	judge(host, &facts);
	expect(host, SLUICE_SLOWER, "eth0: rxvlan", "strips VLAN tags",
	       "ethtool -K eth0 rxvlan off");
	expect(host, SLUICE_SLOWER, "eth0: lro", "", "ethtool -K eth0 lro off");
	expect(host, SLUICE_SLOWER, "eth0: rx-gro-hw", "fix it on", "");
	expect(host, SLUICE_SLOWER, "eth0: hw-tc-offload", "off",
	       "ethtool -K eth0 hw-tc-offload on");
	expect(host, SLUICE_SLOWER, "eth0: embedded switch", "legacy",
	       "devlink dev eswitch set pci/" NIC " mode switchdev");
	facts.embedded = EMBEDDED_SWITCHDEV;
	facts.offloads[OFFLOAD_HW_TC] = OFFLOAD_OFF_FIXED;
	judge(host, &facts);
	expect(host, SLUICE_OK, "eth0: embedded switch", "representors", "");
	expect(host, SLUICE_CANNOT, "eth0: hw-tc-offload", "has none", "");
}

static void queues_are_held_against_cpus(void **state)
{
	struct device_facts facts = plain_nic();
	struct host *host = *state;

	facts.queues = 1;
	judge(host, &facts);
	expect(host, SLUICE_SLOWER, "eth0: queues", "1 of 64", "ethtool -L eth0 combined 4");
	strcpy(facts.driver, "ena");
	facts.queues = facts.most_queues = 4;
	judge(host, &facts);
	expect(host, SLUICE_SLOWER, "eth0: queues", "2 serve XDP best",
	       "ethtool -L eth0 combined 2");
	facts.most_queues = 8;
	judge(host, &facts);
	expect(host, SLUICE_OK, "eth0: queues", "4 of 8", "");
}

static void what_else_sits_on_a_device_is_named(void **state)
{
	struct device_facts facts = plain_nic();
	struct host *host = *state;

	facts.program_id = 42;
	strcpy(facts.program, "xdp_firewall");
	strcpy(facts.master, "br0");
	facts.carries_ssh = true;
	judge(host, &facts);
	expect(host, SLUICE_CANNOT, "eth0: XDP program", "'xdp_firewall' (id 42)", "");
	expect(host, SLUICE_SLOWER, "eth0: master", "br0", "nomaster");
	expect(host, SLUICE_SLOWER, "eth0: SSH", "undone unless you confirm", "--confirm");
	strcpy(facts.program, "xdp_dispatcher");
	judge(host, &facts);
	expect(host, SLUICE_OK, "eth0: XDP program", "joins it", "");
	facts.ours = true;
	judge(host, &facts);
	expect(host, SLUICE_OK, "eth0: XDP program", "tcpdump does not see", "");
	strcpy(facts.driver, "802.1Q VLAN Support");
	judge(host, &facts);
	expect(host, SLUICE_CANNOT, "eth0: VLAN device", "attach the parent", "");
}

static void the_far_end_of_a_veth_is_looked_at(void **state)
{
	struct device_facts facts = plain_nic();
	struct host *host = *state;

	strcpy(facts.driver, "veth");
	facts.bus_info[0] = '\0';
	judge(host, &facts);
	expect(host, SLUICE_SLOWER, "eth0: far end", "no name", "ip netns attach");
	facts.far_end = (struct far_end){ .found = true,
					  .name = "eth1",
					  .netns = "vm1",
					  .elsewhere = true,
					  .tx_checksum = true };
	judge(host, &facts);
	expect(host, SLUICE_SLOWER, "eth0: veth", "hook: auto", "");
	expect(host, SLUICE_SLOWER, "eth0: far end GRO", "vanish",
	       "ip netns exec vm1 ethtool -K eth1 gro on");
	expect(host, SLUICE_OK, "eth0: far end checksums", "right for tc", "");
	facts.program_id = 1;
	facts.ours = true;
	judge(host, &facts);
	expect(host, SLUICE_CANNOT, "eth0: far end GRO", "vanish", "gro on");
	expect(host, SLUICE_CANNOT, "eth0: far end checksums", "broken",
	       "ip netns exec vm1 ethtool -K eth1 tx off");
}

static void lists_of_cpus_are_read_and_written(void **state)
{
	static const char *const good[] = { "0", "0-3", "0,2,4-7", "", "1000" };
	static const char *const bad[] = { "x", "1-", "1,,2", "0-3;", "-1" };
	cpu_set_t set;
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(cpu_list_parse(good[i], &set));
		cpu_list_text(&set, text, sizeof(text));
		assert_string_equal(text, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(cpu_list_parse(bad[i], &set));
	assert_true(cpu_list_parse("0-1023", &set));
	cpu_list_text(&set, text, 4);
	assert_string_equal(text, "0-1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server_with_all_there_is_has_nothing_to_mend),
		TEST(interrupts_on_another_node_are_brought_home_by_one_command),
		TEST(vfs_without_memory_windows_are_named_before_they_fail),
		TEST(what_keeps_vfs_apart_is_looked_at),
		TEST(a_configuration_space_that_leads_in_circles_is_left),
		TEST(a_host_without_iommu_says_how_to_have_one),
		TEST(an_old_or_small_kernel_is_named),
		TEST(a_kernel_without_btf_is_named),
		TEST(managers_are_found_by_what_they_run),
		TEST(a_hypervisor_that_fixes_offloads_is_told_apart),
		TEST(a_nic_with_all_there_is_has_nothing_to_mend),
		TEST(a_driver_that_can_do_less_with_xdp_is_named),
		TEST(offloads_in_the_way_are_named),
		TEST(queues_are_held_against_cpus),
		TEST(what_else_sits_on_a_device_is_named),
		TEST(the_far_end_of_a_veth_is_looked_at),
		cmocka_unit_test(lists_of_cpus_are_read_and_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
