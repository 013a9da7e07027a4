/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The doctor's look at the switches that run here: do their ports' flowLimits fit into their flow tables?
 */
#include <dirent.h>
#include <errno.h>

#include "loader/doctor.h"
#include "loader/flow_share.h"
#include "loader/switch.h"

static void check_switch(struct findings *findings, const char *name, const char *netns)
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
		finding_add(findings, SLUICE_CANNOT, "running switch", "", "%s: %s", name,
			    error.message);
	} else {
		flow_limits_check(config, text, sizeof(text));
		if (text[0])
			finding_add(findings, SLUICE_SLOWER, "flow table", "", "%s: %s", name,
				    text);
	}
	if (sw)
		sluice_close(sw);
}

void doctor_flows(struct findings *findings, const char *netns)
{
	DIR *directory = opendir(SLUICE_STATE_ROOT);
	struct dirent *entry;

	if (!directory)
		return; /* no switch was ever up */
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			check_switch(findings, entry->d_name, netns);
	closedir(directory);
}
