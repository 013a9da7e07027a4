// SPDX-License-Identifier: BSD-2-Clause
/*
 * apply and export: the document as a file.
 */
#include <string.h>

#include "cli/cli.h"

int run_apply(struct invocation *invocation)
{
	struct sluice_config *config;
	struct change change;
	char why[128];
	int code;

	code = read_document(invocation, &config);
	if (code)
		return code;
	code = change_begin(invocation, &change);
	if (code) {
		sluice_config_free(config);
		return code;
	}
	sluice_config_free(change.wanted);
	change.wanted = config;
	snprintf(why, sizeof(why), "apply %s", option_text(invocation, "file"));
	code = change_finish(invocation, &change, why, "applied");
	change_end(&change);
	return code;
}

int run_export(struct invocation *invocation)
{
	struct sluice_error error = {0};
	struct sluice_config *config;
	unsigned int version;
	struct sluice *sw;
	int code;

	code = open_switch(invocation, &sw);
	if (code)
		return code;
	if (sluice_running(sw, &version, &config, &error)) {
		code = refuse(invocation, &error);
	} else {
		if (sluice_config_write(config, stdout, &error))
			code = refuse(invocation, &error);
		sluice_config_free(config);
	}
	sluice_close(sw);
	return code;
}
