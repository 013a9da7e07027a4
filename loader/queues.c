/* SPDX-License-Identifier: BSD-2-Clause */
/* Queues' interrupts by sysfs and /proc/irq; see queues.h. */
#include "loader/queues.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* A number without sign or blanks before it. */
static bool read_cpu(const char **text, unsigned long *cpu)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	*cpu = strtoul(*text, &end, 10);
	*text = end;
	return true;
}

bool cpu_list_parse(const char *text, cpu_set_t *set)
{
	CPU_ZERO(set);
	while (*text && *text != '\n') {
		unsigned long first, last;

		if (!read_cpu(&text, &first))
			return false;
		last = first;
		if (*text == '-' && (text++, !read_cpu(&text, &last)))
			return false;
		for (; first <= last && first < CPU_SETSIZE; first++)
			CPU_SET(first, set);
		if (*text == ',' && isdigit((unsigned char)text[1]))
			text++;
		else if (*text && *text != '\n')
			return false;
	}
	return true;
}

void cpu_list_text(const cpu_set_t *set, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t first = 0; first < CPU_SETSIZE && length < size; first++) {
		size_t last = first;

		if (!CPU_ISSET(first, set))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
			last++;
		length += (size_t)snprintf(text + length, size - length,
					   last == first ? "%s%zu" : "%s%zu-%zu", length ? "," : "",
					   first, last);
		first = last;
	}
}

bool cpu_mask_parse(const char *text, cpu_set_t *set)
{
	size_t digits = 0, at = strcspn(text, "\n");

	CPU_ZERO(set);
	while (at--) {
		const char *hex = "0123456789abcdef";
		const char *digit = text[at] ? strchr(hex, tolower((unsigned char)text[at])) : NULL;

		if (text[at] == ',')
			continue;
		if (!digit)
			return false;
		for (size_t bit = 0; bit < 4; bit++)
			if ((digit - hex) >> bit & 1 && 4 * digits + bit < CPU_SETSIZE)
				CPU_SET(4 * digits + bit, set);
		digits++;
	}
	return digits;
}

bool cpu_set_within(const cpu_set_t *set, const cpu_set_t *all)
{
	cpu_set_t both;

	CPU_AND(&both, set, all);
	return CPU_EQUAL(&both, set);
}

/* --- reading ------------------------------------------------------------------------------- */

struct reading {
	const struct survey *survey;
	const struct queue_owner *owner;
	struct queues *queues;
};

static bool count_node(const char *entry, void *context)
{
	unsigned int *count = context;

	*count += !strncmp(entry, "node", 4) && entry[4] >= '0' && entry[4] <= '9';
	return true;
}

/* Which CPUs take one interrupt: where it goes, or where it may go when nobody says more. */
static bool read_interrupt(const char *entry, void *context)
{
	const struct reading *reading = context;
	struct queues *queues = reading->queues;
	cpu_set_t cpus;
	char text[1024];

	if (!survey_text(reading->survey, text, sizeof(text),
			 "/proc/irq/%s/effective_affinity_list", entry) &&
	    !survey_text(reading->survey, text, sizeof(text), "/proc/irq/%s/smp_affinity_list",
			 entry))
		return true;
	if (!cpu_list_parse(text, &cpus) || !CPU_COUNT(&cpus))
		return true;
	queues->interrupts++;
	CPU_OR(&queues->irq_cpus, &queues->irq_cpus, &cpus);
	queues->strays += !cpu_set_within(&cpus, &queues->node_cpus);
	return true;
}

static bool read_queue(const char *entry, void *context)
{
	const struct reading *reading = context;
	struct queues *queues = reading->queues;
	cpu_set_t cpus;
	char text[1024];

	queues->receive += !strncmp(entry, "rx-", 3);
	queues->send += !strncmp(entry, "tx-", 3);
	if (!strncmp(entry, "rx-", 3) &&
	    survey_text(reading->survey, text, sizeof(text), "%s/%s/queues/%s/rps_cpus",
			reading->owner->net, reading->owner->name, entry) &&
	    cpu_mask_parse(text, &cpus))
		CPU_OR(&queues->rps_cpus, &queues->rps_cpus, &cpus);
	return true;
}

void queues_read(const struct survey *survey, const struct queue_owner *owner,
		 struct queues *queues)
{
	struct reading reading = { .survey = survey, .owner = owner, .queues = queues };
	long long node = -1;
	char text[1024];

	memset(queues, 0, sizeof(*queues));
	survey_each(survey, count_node, &queues->nodes, "/sys/devices/system/node");
	if (*owner->bus_info)
		survey_number(survey, &node, "/sys/bus/pci/devices/%s/numa_node", owner->bus_info);
	queues->node = (int)node;
	if (node < 0 ||
	    !survey_text(survey, text, sizeof(text), "/sys/devices/system/node/node%lld/cpulist",
			 node) ||
	    !cpu_list_parse(text, &queues->node_cpus))
		memset(&queues->node_cpus, 0xff, sizeof(queues->node_cpus));
	if (*owner->bus_info)
		survey_each(survey, read_interrupt, &reading,
			    "/sys/bus/pci/devices/%s/msi_irqs", owner->bus_info);
	if (*owner->name)
		survey_each(survey, read_queue, &reading, "%s/%s/queues", owner->net,
			    owner->name);
}

void queues_note(const struct queues *queues, const struct queues *home, char *note, size_t size)
{
	const struct queues *nic = home ? home : queues;
	char cpus[64], node_cpus[64];

	note[0] = '\0';
	if (queues->nodes < 2 || nic->node < 0)
		return;
	cpu_list_text(&nic->node_cpus, node_cpus, sizeof(node_cpus));
	if (queues->interrupts && queues->strays) {
		cpu_list_text(&queues->irq_cpus, cpus, sizeof(cpus));
		snprintf(note, size, "%u of %u interrupts go to CPUs off node %d, whose are %s",
			 queues->strays, queues->interrupts, queues->node, node_cpus);
	} else if (!queues->interrupts && CPU_COUNT(&queues->rps_cpus) &&
		   !cpu_set_within(&queues->rps_cpus, &nic->node_cpus)) {
		snprintf(note, size, "RPS hands frames to CPUs off the NIC's node %d, whose are %s",
			 nic->node, node_cpus);
	}
}

/* --- where ------------------------------------------------------------------------------------ */

/* sysfs shows the namespace it was mounted in, so one is made here, which is mounted nowhere. */
static int mount_sysfs(void)
{
	int context = fsopen("sysfs", FSOPEN_CLOEXEC), mounted = -1;

	if (context < 0)
		return -1;
	if (!fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		mounted = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	close(context);
	return mounted;
}

void queue_view_open(struct queue_view *view)
{
	*view = (struct queue_view){ .survey = { .root = "" }, .sysfs = mount_sysfs() };
	snprintf(view->net, sizeof(view->net), "/proc/self/fd/%d/class/net", view->sysfs);
}

void queue_view_close(struct queue_view *view)
{
	if (view->sysfs >= 0)
		close(view->sysfs);
	view->sysfs = -1;
}
