/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Newer programs under a running switch: loaded over its maps, put in place of the old ones link by
 * link. Every packet meets the old program or the new one; both read the same version and flows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/attach.h"
#include "loader/load.h"
#include "loader/state.h"
#include "loader/xsk.h"

static void take_programs(struct sluice *sw, struct sluice *newer)
{
#define X(name)                                                                           \
	close(sw->program.name);                                                          \
	sw->program.name = newer->program.name;
	SWITCH_PROGRAMS(X)
#undef X
}

static int replace_all(struct sluice *sw, struct sluice_error *error)
{
	struct attachments attachments;
	int result;

	result = attachments_read(sw, &attachments, error);
	for (size_t i = 0; i < attachments.count && !result; i++)
		if (attachments.list[i].ifindex && attachments.list[i].hook != ATTACH_NONE)
			result = attach_replace(sw, &attachments.list[i], error);
	result = result ?: attachments_write(sw, &attachments, error);
	attachments_free(&attachments);
	return result;
}

int sluice_upgrade(struct sluice *sw, struct sluice_error *error)
{
	struct sluice newer = {};
	bool mine = sw->lock_fd < 0;
	int result;

	result = mine ? sluice_lock(sw, 10, error) : 0;
	if (result)
		return result;
	result = switch_check_layout(sw, error) ?: load_over_maps(sw, &newer, error);
	if (!result) {
		take_programs(sw, &newer);
		/* Killed in between, some links run the older programs: the next upgrade ends it. */
		result = replace_all(sw, error) ?: xsk_replace_all(sw, error) ?:
			 replace_program_pins(sw, error) ?:
			 switch_start_sweep(sw, error);
	}
	if (mine)
		sluice_unlock(sw);
	return result;
}
