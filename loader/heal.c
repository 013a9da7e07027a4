/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * After a killed writer: back to what the running version, and it alone, says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/commit.h"
#include "loader/cpus.h"
#include "loader/function.h"
#include "loader/state.h"
#include "loader/xsk.h"

/* Sorts the recorded attachments: what the running version wants and has goes to keep, what it wants
 * and lacks goes there unattached, and the rest is detached. */
static int heal_attachments(struct sluice *sw, const struct attachments *recorded,
			    struct attachments *keep, struct sluice_error *error)
{
	int result;

	for (size_t i = 0; i < recorded->count; i++) {
		const struct attachment *old = &recorded->list[i];

		if (attachments_match(keep, old))
			continue;
		result = detach(sw, old, keep, error);
		if (result)
			return result;
	}
	/* What was attached for nobody the record knows: links made after the record was written. */
	result = links_remove_others(sw, keep, error);
	return result ?: attachments_write(sw, keep, error);
}

/* CPUs may be off line by now: that keeps no switch from being whole. status shows what is not as asked,
 * and the next apply says why. */
static int heal_cpus(const struct sluice *sw, const struct sluice_config *config,
		     const struct devices *devices, const struct attachments *keep,
		     struct sluice_error *error)
{
	int result = cpus_put_back_others(sw, config, devices, keep, error);

	if (!result)
		cpus_put_all(sw, config, devices, keep, NULL);
	return result;
}

int switch_heal(struct sluice *sw, struct sluice_error *error)
{
	const struct sluice_config *config;
	struct attachments recorded = {}, keep = {};
	struct devices devices = {};
	int result;

	if (!state_has(sw, "changing"))
		return 0;
	switch_doubt_ids(sw);
	config = switch_config(sw, error);
	if (!config)
		return -EIO;
	result = switch_read_ids(sw, error) ?: devices_read(&devices, error) ?:
		 attachments_read(sw, &recorded, error) ?:
		 attachments_resolve(config, &devices, &recorded, true, &keep, error) ?:
		 functions_detach_others(sw, &recorded, &keep, error) ?:
		 heal_attachments(sw, &recorded, &keep, error) ?: devices_heal(sw, error) ?:
		 xsk_detach_others(sw, config, &keep, error) ?:
		 xsk_attach_all(sw, config, &devices, &keep, error) ?:
		 functions_attach_all(sw, config, &keep, error) ?:
		 heal_cpus(sw, config, &devices, &keep, error) ?:
		 xsk_devices_remove_others(sw, config, error) ?:
		 functions_unmake_others(sw, config, error) ?:
		 state_prune_versions(sw, switch_root(sw)->version, confirm_target(sw), error) ?:
		 state_remove(sw, "changing", error);
	devices_free(&devices);
	attachments_free(&recorded);
	attachments_free(&keep);
	return result;
}
