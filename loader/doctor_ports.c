/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The doctor's look at the switches that run here: do their ports' flowLimits fit into their flow tables,
 * and is every device as the switch left it?
 */
#include <dirent.h>
#include <errno.h>

#include "loader/doctor.h"
#include "loader/flow_share.h"
#include "loader/switch.h"

static void check_drift(struct survey *survey, struct sluice *sw)
{
	struct sluice_status *status;
	char remedy[192];

	if (sluice_status_get(sw, &status, NULL))
		return;
	snprintf(remedy, sizeof(remedy),
		 "sluice --switch %s export | sluice --switch %s apply -f -", status->name,
		 status->name);
	for (size_t i = 0; i < status->port_count; i++)
		if (status->ports[i].drift[0])
			finding_add(survey, SLUICE_CANNOT, "port", remedy, "%s of %s: %s",
				    status->ports[i].name, status->name, status->ports[i].drift);
	for (size_t i = 0; i < status->uplink_count; i++)
		if (status->uplinks[i].drift[0])
			finding_add(survey, SLUICE_CANNOT, "uplink", remedy, "%s of %s: %s",
				    status->uplinks[i].device, status->name,
				    status->uplinks[i].drift);
	sluice_status_free(status);
}

static void check_switch(struct survey *survey, const char *name, const char *netns)
{
	struct sluice_options options = { .name = name, .netns = netns };
	const struct sluice_config *config;
	struct sluice_error error = { 0 };
	struct sluice *sw = NULL;
	char text[256];
	int result = sluice_open(&options, &sw, &error);

	/* A leftover is said beside; a switch of another namespace is for the doctor there. */
	if (result == -ENOTCONN || result == -EINVAL)
		return;
	config = result ? NULL : switch_config(sw, &error);
	if (!config) {
		finding_add(survey, SLUICE_CANNOT, "running switch", "", "%s: %s", name,
			    error.message);
	} else {
		flow_limits_check(config, text, sizeof(text));
		if (text[0])
			finding_add(survey, SLUICE_SLOWER, "flow table", "", "%s: %s", name, text);
		check_drift(survey, sw);
	}
	if (sw)
		sluice_close(sw);
}

void doctor_ports(struct survey *survey, const char *netns)
{
	DIR *directory = opendir(SLUICE_STATE_ROOT);
	struct dirent *entry;

	if (!directory)
		return; /* no switch was ever up */
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			check_switch(survey, entry->d_name, netns);
	closedir(directory);
}
