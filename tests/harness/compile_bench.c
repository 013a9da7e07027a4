/* SPDX-License-Identifier: BSD-2-Clause */
/* A compiler's surroundings; see compile_bench.h. */
#include "tests/harness/compile_bench.h"

#include <stdlib.h>
#include <string.h>

void bench_open(struct bench *bench, struct sluice_config *config, __u32 line_count)
{
	memset(bench, 0, sizeof(*bench));
	assert_non_null(config);
	bench->lines = calloc(line_count, sizeof(*bench->lines));
	assert_non_null(bench->lines);
	bench->tables = (struct tables){ .lines = bench->lines, .count = line_count };
	bench->slots = ids_new(SLUICE_MAX_PORTS);
	bench->rules = ids_new(SLUICE_MAX_RULES);
	bench->config = config;
	bench->placements = calloc(config->port_count + 1, sizeof(*bench->placements));
	for (size_t i = 0; i < config->port_count; i++)
		bench->placements[i].ifindex = (__u32)(10 + 3 * i);
}

void bench_close(struct bench *bench)
{
	ids_free(bench->slots);
	ids_free(bench->rules);
	free(bench->placements);
	free(bench->lines);
	sluice_config_free(bench->config);
}

int bench_compile(struct bench *bench, struct sluice_error *error)
{
	__u32 root = 0;
	int result;

	memset(&bench->lines[0], 0, sizeof(bench->lines[0]));
	assert_int_equal(tables_begin(&bench->tables, 0, NULL), 0);
	result = compile(&bench->tables, bench->config, bench->placements, NULL, bench->slots,
			 bench->rules, 1, &root, error);
	tables_end(&bench->tables);
	bench->root = result ? NULL : (const struct root *)&bench->lines[root];
	return result;
}

struct sluice_config *bench_read(const char *text)
{
	struct sluice_config *config = NULL;
	struct sluice_error error = { 0 };

	if (sluice_config_parse(text, strlen(text), "test", &config, &error))
		fail_msg("%u:%u: %s", error.line, error.column, error.message);
	return config;
}

const struct port *bench_port(const struct bench *bench, const char *name)
{
	__u32 slot = ids_find(bench->slots, name);

	assert_true(slot > 0 && slot < bench->root->port_count);
	return (const struct port *)&bench->lines[bench->root->ports + slot];
}
