/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a person is told when a port or uplink is attached: those of the doctor's findings about its
 * device that are not all right and matter for how it is used. A port by tc is asked for nothing that
 * netlink has not said of all devices already, so that thousands of them cost nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/attach.h"
#include "loader/doctor.h"

static void warn_of(struct survey *survey, const struct devices *devices,
		    const struct device *device, const struct attachment *attachment)
{
	const struct device_use use = { .uplink = attachment->uplink,
					.xdp = attachment_by_xdp(attachment),
					.af_xdp = attachment->xsk };
	struct device_facts facts;

	if (!use.uplink && !use.xdp && !use.af_xdp)
		device_facts_place(devices, device, &facts);
	else if (device_facts_quick(devices, device, &facts, NULL))
		return; /* gone meanwhile */
	facts.carries_ssh = use.uplink && device_carries_ssh(device->name);
	device_facts_judge_use(survey, &facts, &use, sysconf(_SC_NPROCESSORS_ONLN));
	if (use.uplink && !strcmp(facts.driver, "virtio_net"))
		doctor_virtio(survey, facts.name, facts.bus_info);
}

static void drop_what_is_all_right(struct survey *survey)
{
	size_t kept = 0;

	for (size_t i = 0; i < survey->count; i++)
		if (survey->list[i].level != SLUICE_OK)
			survey->list[kept++] = survey->list[i];
	survey->count = kept;
}

int sluice_warnings(struct sluice *sw, unsigned int since, struct sluice_finding **findings,
		    size_t *count, struct sluice_error *error)
{
	struct attachments attachments = {};
	struct survey survey = { .root = "" };
	struct devices devices = {};
	int result = attachments_read(sw, &attachments, error) ?: devices_read(&devices, error);

	for (size_t i = 0; i < attachments.count && !result; i++) {
		const struct attachment *attachment = &attachments.list[i];
		const struct device *device = device_by_index(&devices, attachment->ifindex);

		if (device && attachment->since > since)
			warn_of(&survey, &devices, device, attachment);
	}
	drop_what_is_all_right(&survey);
	attachments_free(&attachments);
	devices_free(&devices);
	if (!result && survey.short_of_memory)
		result = sluice_error_set(error, -ENOMEM, "out of memory");
	if (result) {
		free(survey.list);
		return result;
	}
	*findings = survey.list;
	*count = survey.count;
	return 0;
}
