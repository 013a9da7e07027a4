/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts' affinities and RPS as files, set and put back; see cpus.h. */
#include "loader/cpus.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/text.h"

void cpu_settings_free(struct cpu_settings *settings)
{
	free(settings->list);
	*settings = (struct cpu_settings){};
}

int cpus_check(const char *text, char *canonical, struct sluice_error *error)
{
	cpu_set_t cpus;

	if (!strcmp(text, "node")) {
		snprintf(canonical, TEXT_MAX, "node");
		return 0;
	}
	if (!cpu_list_parse(text, &cpus) || !CPU_COUNT(&cpus) || strchr(text, '\n'))
		return sluice_error_set(error, -EINVAL, "\"%.64s\" is neither node nor a list of "
					"CPUs such as 0-3,8", text);
	cpu_list_text(&cpus, canonical, TEXT_MAX);
	if (strlen(canonical) + 1 >= TEXT_MAX)
		return sluice_error_set(error, -EINVAL, "\"%.64s\" is too long a list of CPUs", text);
	return 0;
}

static void path_of(const struct queue_view *view, const struct cpu_setting *setting,
		    char path[PATH_MAX])
{
	if (setting->interrupt)
		snprintf(path, PATH_MAX, "%s/proc/irq/%u/smp_affinity_list", view->survey.root,
			 setting->number);
	else
		snprintf(path, PATH_MAX, "%s%s/%s/queues/rx-%u/rps_cpus", view->survey.root,
			 view->net, setting->device, setting->number);
}

static bool read_setting(const struct queue_view *view, const struct cpu_setting *setting,
			 cpu_set_t *cpus)
{
	char path[PATH_MAX], text[1024];
	ssize_t length;
	int fd;

	path_of(view, setting, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (length < 0)
		return false;
	text[length] = '\0';
	return setting->interrupt ? cpu_list_parse(text, cpus) : cpu_mask_parse(text, cpus);
}

static void mask_text(const cpu_set_t *cpus, char *text, size_t size)
{
	int groups = CPU_SETSIZE / 32;
	size_t length = 0;

	for (int group = groups - 1; group >= 0 && length < size; group--) {
		unsigned int bits = 0;

		for (int bit = 0; bit < 32; bit++)
			bits |= (unsigned int)!!CPU_ISSET(32 * group + bit, cpus) << bit;
		/* Groups that the kernel has no CPUs for are refused. */
		if (bits || length || !group)
			length += (size_t)snprintf(text + length, size - length, "%s%08x",
						   length ? "," : "", bits);
	}
}

static int write_setting(const struct queue_view *view, const struct cpu_setting *setting,
			 const cpu_set_t *cpus)
{
	char path[PATH_MAX], text[1024];
	int fd, result = 0;

	if (setting->interrupt)
		cpu_list_text(cpus, text, sizeof(text));
	else
		mask_text(cpus, text, sizeof(text));
	path_of(view, setting, path);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		result = -errno;
	close(fd);
	return result;
}

/* --- what is wanted ------------------------------------------------------------------------ */

struct spread {
	struct cpu_settings *wanted;
	const struct queue_owner *owner;
	const cpu_set_t *cpus;
	int last; /* CPU that was given an interrupt */
	bool short_of_memory;
};

static struct cpu_setting *add(struct spread *spread, unsigned int number)
{
	struct cpu_settings *wanted = spread->wanted;
	struct cpu_setting *more =
		reallocarray(wanted->list, wanted->count + 1, sizeof(*wanted->list));

	spread->short_of_memory |= !more;
	if (!more)
		return NULL;
	wanted->list = more;
	more += wanted->count++;
	*more = (struct cpu_setting){ .number = number };
	snprintf(more->device, sizeof(more->device), "%s", spread->owner->name);
	return more;
}

static int next_cpu(const struct spread *spread)
{
	int cpu = spread->last;

	do
		cpu = (cpu + 1) % CPU_SETSIZE;
	while (!CPU_ISSET(cpu, spread->cpus));
	return cpu;
}

static bool want_interrupt(const char *entry, void *context)
{
	struct spread *spread = context;
	struct cpu_setting *setting = add(spread, (unsigned int)strtoul(entry, NULL, 10));

	if (!setting)
		return false;
	setting->interrupt = true;
	spread->last = next_cpu(spread);
	CPU_SET(spread->last, &setting->cpus);
	return true;
}

static bool want_rps(const char *entry, void *context)
{
	struct spread *spread = context;
	struct cpu_setting *setting;

	if (strncmp(entry, "rx-", 3))
		return true;
	setting = add(spread, (unsigned int)strtoul(entry + 3, NULL, 10));
	if (!setting)
		return false;
	setting->cpus = *spread->cpus;
	return true;
}

/* The CPUs that a key's text means here; none: there is nothing to choose from. */
static int meant(const struct queue_view *view, const struct queue_owner *owner, const char *text,
		 const char *home, cpu_set_t *cpus)
{
	struct queue_owner nic = { .net = "", .name = "", .bus_info = owner->bus_info };
	struct queues queues;

	CPU_ZERO(cpus);
	if (strcmp(text, "node"))
		return cpu_list_parse(text, cpus) ? 0 : -EINVAL;
	queues_read(&view->survey, &nic, &queues);
	if (queues.node < 0) {
		nic.bus_info = home;
		queues_read(&view->survey, &nic, &queues);
	}
	if (queues.nodes > 1 && queues.node >= 0)
		*cpus = queues.node_cpus;
	return 0;
}

int cpu_settings_want(const struct queue_view *view, const struct queue_owner *owner,
		      const char *text, const char *home, struct cpu_settings *wanted,
		      struct sluice_error *error)
{
	cpu_set_t cpus;
	struct spread spread = { .wanted = wanted, .owner = owner, .cpus = &cpus, .last = -1 };
	size_t before = wanted->count;
	int result = meant(view, owner, text, home, &cpus);

	if (result)
		return sluice_error_set(error, result, "cpus: \"%.64s\" is no list of CPUs", text);
	if (!CPU_COUNT(&cpus))
		return 0;
	if (*owner->bus_info)
		survey_each(&view->survey, want_interrupt, &spread,
			    "/sys/bus/pci/devices/%s/msi_irqs", owner->bus_info);
	if (wanted->count == before)
		survey_each(&view->survey, want_rps, &spread, "%s/%s/queues", owner->net,
			    owner->name);
	if (spread.short_of_memory)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	if (wanted->count == before)
		return sluice_error_set(error, -ENOTSUP, "cpus: %.16s has neither interrupts nor RPS to "
					"be placed: leave the key out", owner->name);
	return 0;
}

/* --- setting and putting back --------------------------------------------------------------- */

const struct cpu_setting *cpu_settings_find(const struct cpu_settings *settings,
					    const struct cpu_setting *sought)
{
	for (size_t i = 0; i < settings->count; i++) {
		const struct cpu_setting *setting = &settings->list[i];

		if (setting->interrupt == sought->interrupt && setting->number == sought->number &&
		    !strcmp(setting->device, sought->device))
			return setting;
	}
	return NULL;
}

int cpu_settings_note(const struct queue_view *view, const struct cpu_settings *record,
		      struct cpu_settings *wanted, struct sluice_error *error)
{
	for (size_t i = 0; i < wanted->count; i++) {
		struct cpu_setting *setting = &wanted->list[i];
		const struct cpu_setting *known = cpu_settings_find(record, setting);
		char path[PATH_MAX];
		cpu_set_t now;

		path_of(view, setting, path);
		if (!read_setting(view, setting, &now))
			return sluice_error_set(error, -EIO, "cpus: cannot read %.128s of %.16s", path,
						setting->device);
		/* What somebody else has set since is what there was before. */
		setting->was = known && CPU_EQUAL(&known->cpus, &now) ? known->was : now;
	}
	return 0;
}

/* RPS would take CPUs that are not online without a word, and leave them out. */
static int check_online(const struct queue_view *view, const struct cpu_setting *setting,
			struct sluice_error *error)
{
	char line[1024], cpus[64];
	cpu_set_t online;

	if (!survey_text(&view->survey, line, sizeof(line), "/sys/devices/system/cpu/online") ||
	    !cpu_list_parse(line, &online))
		return sluice_error_set(error, -EIO, "cpus: cannot read which are online from "
					"/sys/devices/system/cpu/online");
	if (cpu_set_within(&setting->cpus, &online))
		return 0;
	cpu_list_text(&setting->cpus, cpus, sizeof(cpus));
	return sluice_error_set(error, -EINVAL, "cpus: of %s for %.16s not all are online: name some "
				"of %.64s", cpus, setting->device, line);
}

int cpu_settings_put(const struct queue_view *view, const struct cpu_settings *wanted,
		     struct sluice_error *error)
{
	for (size_t i = 0; i < wanted->count; i++) {
		const struct cpu_setting *setting = &wanted->list[i];
		char path[PATH_MAX], cpus[64];
		cpu_set_t now;
		int result;

		if (read_setting(view, setting, &now) && CPU_EQUAL(&now, &setting->cpus))
			continue;
		result = check_online(view, setting, error);
		if (result)
			return result;
		result = write_setting(view, setting, &setting->cpus);
		if (!result)
			continue;
		path_of(view, setting, path);
		cpu_list_text(&setting->cpus, cpus, sizeof(cpus));
		return sluice_error_set(error, result, "cpus: the kernel refuses CPUs %s in %.128s of "
					"%.16s (%s): leave the key out, or name others", cpus, path,
					setting->device, strerror(-result));
	}
	return 0;
}

int cpu_settings_put_back(const struct queue_view *view, const struct cpu_settings *record,
			  const struct cpu_settings *kept, struct sluice_error *error)
{
	int first = 0;

	for (size_t i = 0; i < record->count; i++) {
		const struct cpu_setting *setting = &record->list[i];
		char path[PATH_MAX];
		cpu_set_t now;
		int result;

		if (cpu_settings_find(kept, setting) || !read_setting(view, setting, &now) ||
		    !CPU_EQUAL(&now, &setting->cpus) || CPU_EQUAL(&now, &setting->was))
			continue;
		result = write_setting(view, setting, &setting->was);
		if (!result || first)
			continue;
		path_of(view, setting, path);
		first = sluice_error_set(error, result, "cpus: cannot put %.128s of %.16s back: %s",
					 path, setting->device, strerror(-result));
	}
	return first;
}

bool cpu_settings_in_place(const struct queue_view *view, const struct cpu_settings *wanted)
{
	for (size_t i = 0; i < wanted->count; i++) {
		cpu_set_t now;

		if (!read_setting(view, &wanted->list[i], &now) ||
		    !CPU_EQUAL(&now, &wanted->list[i].cpus))
			return false;
	}
	return true;
}
