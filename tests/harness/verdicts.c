/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads the program that asks the classifier; see verdicts.h. */
#include "tests/harness/verdicts.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/harness/unit.h"
#include "tests/harness/verdicts.skel.h"

static size_t map_bytes(const struct bpf_map *map)
{
	size_t page = 4096;

	return ((size_t)bpf_map__value_size(map) * bpf_map__max_entries(map) + page - 1) &
	       ~(page - 1);
}

static void *map_memory(const struct bpf_map *map)
{
	void *memory =
		mmap(NULL, map_bytes(map), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (memory == MAP_FAILED)
		fail_msg("mmap of map %s: %s", bpf_map__name(map), strerror(errno));
	return memory;
}

void verdicts_open(struct verdicts *verdicts, __u32 lines, size_t most)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct verdicts_bpf *skeleton = verdicts_bpf__open();
	struct bpf_map *map;

	*verdicts = (struct verdicts){ .skeleton = skeleton, .most = most };
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	if (!skeleton)
		fail_msg("the skeleton does not open: %s", strerror(errno));
	/* The headers bring the switch's other maps along, which no program here refers to. */
	bpf_object__for_each_map(map, skeleton->obj) bpf_map__set_autocreate(
		map, map == skeleton->maps.tables || map == skeleton->maps.questions ||
			     bpf_map__is_internal(map));
	bpf_map__set_max_entries(skeleton->maps.tables, lines);
	bpf_map__set_max_entries(skeleton->maps.questions, (__u32)most);
	if (verdicts_bpf__load(skeleton))
		fail_msg("the program does not load: %s", strerror(errno));
	verdicts->tables.lines = map_memory(skeleton->maps.tables);
	verdicts->tables.count = lines;
	verdicts->question = map_memory(skeleton->maps.questions);
}

void verdicts_close(struct verdicts *verdicts)
{
	tables_end(&verdicts->tables);
	munmap(verdicts->tables.lines, map_bytes(verdicts->skeleton->maps.tables));
	munmap(verdicts->question, map_bytes(verdicts->skeleton->maps.questions));
	verdicts_bpf__destroy(verdicts->skeleton);
}

void verdicts_clear(struct verdicts *verdicts)
{
	struct table_line *lines = verdicts->tables.lines;
	__u32 count = verdicts->tables.count;

	tables_end(&verdicts->tables);
	memset(&lines[0], 0, sizeof(lines[0]));
	verdicts->tables = (struct tables){ .lines = lines, .count = count };
}

void verdicts_put(struct verdicts *verdicts, size_t first, const struct reference_tuple *headers,
		  size_t count)
{
	assert_true(first + count <= verdicts->most);
	for (size_t i = 0; i < count; i++)
		verdicts->question[first + i] = (struct question){
			.query = { .protocol = (__u8)headers[i].protocol,
				   .icmp_type = (__u8)headers[i].icmp_type,
				   .icmp_code = (__u8)headers[i].icmp_code,
				   .source = headers[i].source,
				   .destination = headers[i].destination,
				   .source_port = htons((__u16)headers[i].source_port),
				   .destination_port = htons((__u16)headers[i].destination_port) },
			.rule = ~0U,
		};
}

static void run(struct verdicts *verdicts, const struct bpf_program *program, size_t first,
		size_t count)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	assert_true(first + count <= verdicts->most);
	verdicts->skeleton->bss->question_first = (__u32)first;
	verdicts->skeleton->bss->question_count = (__u32)count;
	if (bpf_prog_test_run_opts(bpf_program__fd(program), &options))
		fail_msg("test run: %s", strerror(errno));
	assert_int_equal(options.retval, 0);
}

void verdicts_ask(struct verdicts *verdicts, __u32 line, size_t first, size_t count)
{
	verdicts->skeleton->bss->classifier_line = line;
	run(verdicts, verdicts->skeleton->progs.ask_all, first, count);
}

void verdicts_ask_nothing(struct verdicts *verdicts, size_t first, size_t count)
{
	run(verdicts, verdicts->skeleton->progs.ask_none, first, count);
}
