/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The doctor's look at what a NIC hangs on: SR-IOV and the VFs in use, IOMMU groups, ACS, and the
 * NUMA node of NIC and interrupts. Everything is read below /sys/bus/pci, which is the same in every
 * network namespace.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/doctor.h"
#include "loader/queues.h"

#define PCI             "/sys/bus/pci/devices/%s"
#define CONFIG_SIZE     4096
#define EXTENDED_CONFIG 0x100 /* where extended capabilities begin */
#define CAPABILITY_ACS  0x000d
#define ACS_CONTROL     6 /* bytes into the capability */
/* Source validation, request and completion redirect, upstream forwarding: what keeps one device's
 * transfers away from its neighbours, past the IOMMU. */
#define ACS_WANTED       0x1d
#define VF_WINDOWS_FIRST 7 /* lines of `resource`, from 0, that are a PF's windows for VFs */
#define VF_WINDOWS       6

struct nic {
	struct survey *survey;
	const char *device;
	const char *address; /* "0000:01:00.0" */
};

/* --- VFs --- */

struct vfs {
	const struct nic *nic;
	unsigned int vfio;   /* given, or ready to be given, to a VM */
	unsigned int others; /* with another driver: interfaces of this host or a container */
	unsigned int idle;   /* without a driver */
	char shared[64];     /* a VF that is not alone in its IOMMU group */
};

static bool is_bridge(const struct survey *survey, const char *address)
{
	long long class = 0;

	return survey_number(survey, &class, PCI "/class", address) && class >> 8 == 0x0604;
}

struct group {
	const struct survey *survey;
	const char *address;
	char others[96];
};

static bool note_neighbour(const char *entry, void *context)
{
	struct group *group = context;
	size_t length = strlen(group->others);

	if (strcmp(entry, group->address) && !is_bridge(group->survey, entry))
		snprintf(group->others + length, sizeof(group->others) - length, "%s%s",
			 length ? ", " : "", entry);
	return true;
}

/* Who else is in the IOMMU group of a device, bridges aside; "" for nobody. */
static void group_neighbours(const struct survey *survey, const char *address, char others[96])
{
	struct group group = { .survey = survey, .address = address };

	survey_each(survey, note_neighbour, &group, PCI "/iommu_group/devices", address);
	memcpy(others, group.others, sizeof(group.others));
}

static bool note_vf(const char *entry, void *context)
{
	struct vfs *vfs = context;
	const struct survey *survey = vfs->nic->survey;
	char address[32], driver[64], others[96];

	if (strncmp(entry, "virtfn", strlen("virtfn")) ||
	    !survey_link(survey, address, sizeof(address), PCI "/%s", vfs->nic->address, entry))
		return true;
	if (!survey_link(survey, driver, sizeof(driver), PCI "/driver", address))
		vfs->idle++;
	else if (!strcmp(driver, "vfio-pci"))
		vfs->vfio++;
	else
		vfs->others++;
	group_neighbours(survey, address, others);
	if (others[0] && !vfs->shared[0])
		snprintf(vfs->shared, sizeof(vfs->shared), "%.24s with %.28s", address, others);
	return true;
}

/* Whether the firmware gave the PF room for its VFs' registers. */
static bool has_vf_windows(const struct nic *nic)
{
	FILE *file = survey_open(nic->survey, PCI "/resource", nic->address);
	unsigned long long start, end;
	bool any = false;
	char line[128];

	if (!file)
		return true;
	for (int i = 0; fgets(line, sizeof(line), file) && i < VF_WINDOWS_FIRST + VF_WINDOWS; i++)
		if (i >= VF_WINDOWS_FIRST && sscanf(line, "%llx %llx", &start, &end) == 2)
			any |= start != 0;
	fclose(file);
	return any;
}

static void check_vfs(const struct nic *nic, long long total, long long made)
{
	struct vfs vfs = { .nic = nic };

	if (!made) {
		device_finding_add(nic->survey, nic->device, SLUICE_OK, "SR-IOV", "",
				   "up to %lld VFs, none made", total);
		return;
	}
	survey_each(nic->survey, note_vf, &vfs, PCI, nic->address);
	device_finding_add(nic->survey, nic->device, SLUICE_OK, "SR-IOV", "",
			   "%lld of %lld VFs made: %u with vfio-pci for VMs, %u interfaces, %u "
			   "without driver",
			   made, total, vfs.vfio, vfs.others, vfs.idle);
	if (vfs.shared[0])
		device_finding_add(
			nic->survey, nic->device, SLUICE_CANNOT, "VF isolation", "",
			"%s: one IOMMU group, so they can only go to one VM together; the "
			"NIC needs a slot below a root port with ACS",
			vfs.shared);
}

static void check_sriov(const struct nic *nic)
{
	long long total = 0, made = 0;
	char pf[32];

	if (survey_link(nic->survey, pf, sizeof(pf), PCI "/physfn", nic->address)) {
		device_finding_add(nic->survey, nic->device, SLUICE_OK, "SR-IOV", "",
				   "is itself a VF of %s", pf);
		return;
	}
	survey_number(nic->survey, &total, PCI "/sriov_totalvfs", nic->address);
	survey_number(nic->survey, &made, PCI "/sriov_numvfs", nic->address);
	if (total <= 0)
		device_finding_add(
			nic->survey, nic->device, SLUICE_SLOWER, "SR-IOV", "",
			"none: this NIC has no VFs, or its firmware or the BIOS switches "
			"them off; ports get their frames by tc or XDP");
	else if (!has_vf_windows(nic))
		device_finding_add(
			nic->survey, nic->device, SLUICE_CANNOT, "SR-IOV",
			"echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX pci=realloc\"' "
			">/etc/default/grub.d/sriov.cfg && update-grub",
			"the firmware left no memory windows for VFs, so making them fails: "
			"switch on SR-IOV and 'Above 4G decoding' in the BIOS, or have the "
			"kernel assign them");
	else
		check_vfs(nic, total, made);
}

/* --- the way to the IOMMU --- */

static void check_group(const struct nic *nic)
{
	char group[32], others[96];

	if (!survey_link(nic->survey, group, sizeof(group), PCI "/iommu_group", nic->address))
		return; /* no IOMMU, which is said of the host */
	group_neighbours(nic->survey, nic->address, others);
	if (others[0])
		device_finding_add(nic->survey, nic->device, SLUICE_SLOWER, "IOMMU group", "",
				   "%s, shared with %s: they can only be given to a VM together",
				   group, others);
	else
		device_finding_add(nic->survey, nic->device, SLUICE_OK, "IOMMU group", "",
				   "%s, alone in it", group);
}

enum acs {
	ACS_ON,
	ACS_OFF,
	ACS_NONE,
	ACS_HIDDEN, /* configuration space is cut: no privilege */
};

static unsigned int word_at(const unsigned char *config, size_t offset)
{
	return config[offset] | (unsigned int)config[offset + 1] << 8;
}

/* Access Control Services of a bridge, from its configuration space (little-endian). */
static enum acs acs_of(const struct survey *survey, const char *address)
{
	unsigned char config[CONFIG_SIZE];
	FILE *file = survey_open(survey, PCI "/config", address);
	size_t length = file ? fread(config, 1, sizeof(config), file) : 0;
	size_t offset = EXTENDED_CONFIG;

	if (file)
		fclose(file);
	if (length <= 64)
		return ACS_HIDDEN;
	/* Each capability: id, then version and the next one's offset; ordered, so never a circle. */
	while (offset + 8 <= length) {
		size_t next = word_at(config, offset + 2) >> 4;

		if (word_at(config, offset) == CAPABILITY_ACS)
			return (word_at(config, offset + ACS_CONTROL) & ACS_WANTED) == ACS_WANTED
				       ? ACS_ON
				       : ACS_OFF;
		if (next <= offset)
			break;
		offset = next;
	}
	return ACS_NONE;
}

static bool is_address(const char *text)
{
	unsigned int domain, bus, slot, function;
	int used = 0;

	return sscanf(text, "%x:%x:%x.%x%n", &domain, &bus, &slot, &function, &used) == 4 &&
	       !text[used];
}

/* Every bridge above the NIC, from its place in the tree of /sys/devices. */
static void check_acs(const struct nic *nic)
{
	char link[PATH_MAX], path[PATH_MAX], *part, *rest = path;
	unsigned int bridges = 0;

	snprintf(link, sizeof(link), "%s" PCI, nic->survey->root, nic->address);
	if (!realpath(link, path))
		return;
	while ((part = strsep(&rest, "/"))) {
		enum acs acs;

		if (!is_address(part) || !strcmp(part, nic->address))
			continue;
		bridges++;
		acs = acs_of(nic->survey, part);
		if (acs == ACS_ON)
			continue;
		if (acs == ACS_HIDDEN)
			device_finding_add(nic->survey, nic->device, SLUICE_CANNOT, "ACS",
					   "sudo sluice doctor",
					   "cannot be read from %s without "
					   "cap_sys_admin",
					   part);
		else if (acs == ACS_OFF)
			device_finding_add(nic->survey, nic->device, SLUICE_SLOWER, "ACS", "",
					   "off at %s above it: the kernel switches it on when it "
					   "boots with the IOMMU on",
					   part);
		else
			device_finding_add(
				nic->survey, nic->device, SLUICE_SLOWER, "ACS", "",
				"%s above it has none: all below it share an IOMMU group; "
				"use a slot of another root port",
				part);
		return;
	}
	device_finding_add(nic->survey, nic->device, SLUICE_OK, "ACS", "",
			   bridges ? "on at the %u ports above it"
				   : "nothing above it but the root complex",
			   bridges);
}

/* --- NUMA --- */

static void check_node(const struct nic *nic)
{
	struct queues queues;
	char remedy[256], cpus[64], node_cpus[64];

	queues_read(nic->survey,
		    &(struct queue_owner){ .net = "", .name = "", .bus_info = nic->address },
		    &queues);
	cpu_list_text(&queues.irq_cpus, cpus, sizeof(cpus));
	if (queues.nodes > 1 && queues.node < 0) {
		device_finding_add(
			nic->survey, nic->device, SLUICE_SLOWER, "NUMA node", "",
			"the firmware does not say which of %u it hangs on: its interrupts "
			"(CPUs %s) may be far from it",
			queues.nodes, cpus);
	} else if (queues.nodes > 1 && queues.strays) {
		cpu_list_text(&queues.node_cpus, node_cpus, sizeof(node_cpus));
		snprintf(remedy, sizeof(remedy),
			 "for i in /sys/bus/pci/devices/%s/msi_irqs/*; do echo %s "
			 ">/proc/irq/${i##*/}/smp_affinity_list; done",
			 nic->address, node_cpus);
		device_finding_add(
			nic->survey, nic->device, SLUICE_SLOWER, "NUMA node", remedy,
			"node %d, but %u of %u interrupts go to CPUs of another node (%s); "
			"irqbalance, if it runs, must leave them alone",
			queues.node, queues.strays, queues.interrupts, cpus);
	} else {
		device_finding_add(nic->survey, nic->device, SLUICE_OK, "NUMA node", "",
				   "%d of %u, %u interrupts on CPUs %s",
				   queues.node < 0 ? 0 : queues.node,
				   queues.nodes ? queues.nodes : 1, queues.interrupts,
				   cpus[0] ? cpus : "unknown");
	}
}

void doctor_pci(struct survey *survey, const char *device, const char *address)
{
	struct nic nic = { .survey = survey, .device = device, .address = address };

	if (!is_address(address) || !survey_has(survey, PCI, address))
		return; /* a device of software, or on another bus */
	check_sriov(&nic);
	check_group(&nic);
	check_acs(&nic);
	check_node(&nic);
}
