/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The doctor's look at what a host has for guests: IOMMU, interrupt remapping, NUMA nodes, huge
 * pages.
 */
#include <string.h>

#include "loader/doctor.h"

static bool file_says(const struct survey *survey, const char *path, const char *word)
{
	FILE *file = survey_open(survey, "%s", path);
	bool found = false;
	char line[1024];

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, word);
	if (file)
		fclose(file);
	return found;
}

/* Interrupt chips that pass remapping: Intel's and AMD's "IR-PCI-MSI", Arm's ITS. */
static bool interrupts_are_remapped(const struct survey *survey)
{
	return file_says(survey, "/proc/interrupts", " IR-") ||
	       file_says(survey, "/proc/interrupts", " ITS-");
}

static void check_iommu(struct survey *survey)
{
	size_t groups = survey_each(survey, NULL, NULL, "/sys/kernel/iommu_groups");
	bool intel = file_says(survey, "/proc/cpuinfo", "GenuineIntel");
	char remedy[192];

	if (!groups) {
		snprintf(remedy, sizeof(remedy),
			 "echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX %siommu=pt\"' "
			 ">/etc/default/grub.d/iommu.cfg && update-grub",
			 intel ? "intel_iommu=on " : "");
		finding_add(survey, SLUICE_SLOWER, "IOMMU", remedy,
			    "none in use: no VF can be given to a VM; switch on %s in the BIOS and "
			    "boot with it",
			    intel ? "VT-d" : "the IOMMU (AMD-Vi, SMMU)");
		finding_add(survey, SLUICE_SLOWER, "interrupt remapping", "",
			    "none, as there is no IOMMU");
		return;
	}
	finding_add(survey, SLUICE_OK, "IOMMU", "", "on, %zu groups", groups);
	if (interrupts_are_remapped(survey))
		finding_add(survey, SLUICE_OK, "interrupt remapping", "", "on");
	else
		finding_add(
			survey, SLUICE_CANNOT, "interrupt remapping",
			"dmesg | grep -i -e remapping -e x2apic",
			"off: vfio-pci hands no VF to a VM that could forge interrupts; switch it "
			"on in the BIOS, and boot without intremap=off");
}

static bool add_node(const char *entry, void *context)
{
	unsigned int *count = context;

	*count += !strncmp(entry, "node", 4) && entry[4] >= '0' && entry[4] <= '9';
	return true;
}

static void check_nodes(struct survey *survey)
{
	unsigned int nodes = 0;

	survey_each(survey, add_node, &nodes, "/sys/devices/system/node");
	finding_add(survey, SLUICE_OK, "NUMA nodes", "", "%u", nodes ? nodes : 1);
}

struct pages {
	const struct survey *survey;
	char text[160];
};

static bool add_pages(const char *entry, void *context)
{
	struct pages *pages = context;
	size_t length = strlen(pages->text);
	long long all = 0, left = 0, kib = 0;

	if (sscanf(entry, "hugepages-%lldkB", &kib) != 1)
		return true;
	survey_number(pages->survey, &all, "/sys/kernel/mm/hugepages/%s/nr_hugepages", entry);
	survey_number(pages->survey, &left, "/sys/kernel/mm/hugepages/%s/free_hugepages", entry);
	if (all)
		snprintf(pages->text + length, sizeof(pages->text) - length,
			 "%s%lld of %lld MiB, %lld free", length ? "; " : "", all, kib >> 10, left);
	return true;
}

static void check_huge_pages(struct survey *survey)
{
	struct pages pages = { .survey = survey };

	survey_each(survey, add_pages, &pages, "/sys/kernel/mm/hugepages");
	if (pages.text[0])
		finding_add(survey, SLUICE_OK, "huge pages", "", "%s", pages.text);
	else
		finding_add(
			survey, SLUICE_OK, "huge pages", "",
			"none, and the switch needs none; for DPDK and VMs with a VF: sysctl -w "
			"vm.nr_hugepages=512");
}

void doctor_host(struct survey *survey)
{
	check_iommu(survey);
	check_nodes(survey);
	check_huge_pages(survey);
}
