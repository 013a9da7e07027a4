/* SPDX-License-Identifier: BSD-2-Clause */
/* Queues' interrupts by sysfs and /proc/irq; see queues.h. */
#include "loader/queues.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

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

struct interrupts {
	const struct survey *survey;
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
	const struct interrupts *interrupts = context;
	struct queues *queues = interrupts->queues;
	cpu_set_t cpus, outside;
	char text[1024];

	if (!survey_text(interrupts->survey, text, sizeof(text),
			 "/proc/irq/%s/effective_affinity_list", entry) &&
	    !survey_text(interrupts->survey, text, sizeof(text), "/proc/irq/%s/smp_affinity_list",
			 entry))
		return true;
	if (!cpu_list_parse(text, &cpus) || !CPU_COUNT(&cpus))
		return true;
	queues->interrupts++;
	CPU_OR(&queues->irq_cpus, &queues->irq_cpus, &cpus);
	CPU_AND(&outside, &cpus, &queues->node_cpus);
	queues->strays += CPU_COUNT(&outside) != CPU_COUNT(&cpus);
	return true;
}

void queues_read(const struct survey *survey, const char *bus_info, struct queues *queues)
{
	struct interrupts interrupts = { .survey = survey, .queues = queues };
	long long node = -1;
	char text[1024];

	memset(queues, 0, sizeof(*queues));
	survey_each(survey, count_node, &queues->nodes, "/sys/devices/system/node");
	if (*bus_info)
		survey_number(survey, &node, "/sys/bus/pci/devices/%s/numa_node", bus_info);
	queues->node = (int)node;
	if (node < 0 ||
	    !survey_text(survey, text, sizeof(text), "/sys/devices/system/node/node%lld/cpulist",
			 node) ||
	    !cpu_list_parse(text, &queues->node_cpus))
		memset(&queues->node_cpus, 0xff, sizeof(queues->node_cpus));
	if (*bus_info)
		survey_each(survey, read_interrupt, &interrupts, "/sys/bus/pci/devices/%s/msi_irqs",
			    bus_info);
}
