/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this host and its interfaces can do for a switch, and the command that mends what they can
 * not: one look after the other, each in a file of its own.
 */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "loader/doctor.h"
#include "loader/switch.h"

static void check_dispatcher(struct survey *survey)
{
	static const char *const places[] = { "/usr/lib/bpf/xdp-dispatcher.o",
					      "/usr/lib/*/bpf/xdp-dispatcher.o",
					      "/usr/local/lib/bpf/xdp-dispatcher.o",
					      "/usr/local/lib/*/bpf/xdp-dispatcher.o" };
	const char *override = getenv("LIBXDP_OBJECT_PATH");
	char path[256];
	glob_t found;

	snprintf(path, sizeof(path), "%s/xdp-dispatcher.o", override ? override : "");
	if (override && !access(path, R_OK))
		goto there;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (glob(places[i], GLOB_NOSORT, NULL, &found))
			continue;
		snprintf(path, sizeof(path), "%s", found.gl_pathv[0]);
		globfree(&found);
		goto there;
	}
	finding_add(survey, SLUICE_SLOWER, "libxdp dispatcher", "apt-get install libxdp1",
		    "xdp-dispatcher.o not found (or set LIBXDP_OBJECT_PATH): an uplink can not be "
		    "shared with other XDP programs");
	return;
there:
	finding_add(survey, SLUICE_OK, "libxdp dispatcher", "", "%s", path);
}

/* Directories in one place that have no partner in the other: what a killed `up` or a reboot of
 * half the state leaves. */
static void check_leftovers(struct survey *survey, const char *here, const char *there,
			    const char *what)
{
	DIR *directory = opendir(here);
	struct dirent *entry;
	char partner[512], remedy[sizeof(((struct sluice_finding *)0)->remedy)];

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(partner, sizeof(partner), "%s/%s", there, entry->d_name);
		if (!access(partner, F_OK))
			continue;
		snprintf(remedy, sizeof(remedy), "sluice --switch %.200s down", entry->d_name);
		finding_add(survey, SLUICE_SLOWER, "leftovers", remedy,
			    "switch %.64s has %s and nothing else: an 'up' or 'down' was killed",
			    entry->d_name, what);
	}
	closedir(directory);
}

static int survey_device(struct survey *survey, const char *device, struct sluice_error *error)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct device_facts facts;
	int failure = device_facts_read(device, &facts, error);

	if (failure)
		return failure;
	device_facts_judge(survey, &facts, processors);
	if (!strcmp(facts.driver, "virtio_net"))
		doctor_virtio(survey, facts.name, facts.bus_info);
	doctor_pci(survey, facts.name, facts.bus_info);
	doctor_managed(survey, facts.name, facts.ifindex);
	return 0;
}

/* An interface that is no device of software alone: /sys shows what it hangs on. */
static bool survey_if_hardware(const char *entry, void *context)
{
	struct survey *survey = context;

	/* One that goes meanwhile is none to speak of. */
	if (survey_has(survey, "/sys/class/net/%s/device", entry))
		survey_device(survey, entry, NULL);
	return true;
}

static void survey_host(struct survey *survey, const char *netns)
{
	doctor_kernel(survey);
	doctor_privileges(survey);
	check_dispatcher(survey);
	doctor_host(survey);
	doctor_managers(survey);
	check_leftovers(survey, SLUICE_PIN_ROOT, SLUICE_STATE_ROOT, "pins");
	check_leftovers(survey, SLUICE_STATE_ROOT, SLUICE_PIN_ROOT, "state");
	doctor_ports(survey, netns);
}

int sluice_doctor(const char *netns, const char *device, struct sluice_finding **findings,
		  size_t *count, struct sluice_error *error)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	struct survey survey = { .root = "" };
	int failure = 0;

	survey_host(&survey, netns);
	if (netns && *netns)
		failure = switch_enter_netns(netns, error);
	if (device && !failure)
		failure = survey_device(&survey, device, error);
	/* /sys shows the interfaces of the namespace that mounted it. */
	else if (!netns || !*netns)
		survey_each(&survey, survey_if_hardware, &survey, "/sys/class/net");
	libbpf_set_print(print);
	if (!failure && survey.short_of_memory)
		failure = sluice_error_set(error, -ENOMEM, "out of memory");
	if (failure) {
		free(survey.list);
		return failure;
	}
	*findings = survey.list;
	*count = survey.count;
	return 0;
}
