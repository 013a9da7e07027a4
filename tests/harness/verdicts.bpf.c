/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Asks the switch's own classifier (bpf/classify.h) one tuple after the other, in one run: what
 * sluice_query answers for one, for millions, each with the time that it took.
 */
#include "bpf/classify.h"
#include "bpf/query.h"
#include "tests/harness/question.h"

char _license[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct question);
} questions SEC(".maps");

__u32 classifier_line;
__u32 question_first;
__u32 question_count;

static int ask_one(__u32 index, void *context)
{
	__u32 number = question_first + index;
	struct question *question = bpf_map_lookup_elem(&questions, &number);
	struct tuple tuple = {};
	struct verdict verdict;
	__u64 begun;

	if (!question)
		return 1;
	query_tuple(&question->query, &tuple);
	begun = bpf_ktime_get_ns();
	verdict = classify(&tuple, classifier_line);
	question->nanoseconds = bpf_ktime_get_ns() - begun;
	question->rule = verdict.rule;
	question->access = verdict.access;
	return 0;
}

/* What the two looks at the clock take by themselves. */
static int ask_nothing(__u32 index, void *context)
{
	__u32 number = question_first + index;
	struct question *question = bpf_map_lookup_elem(&questions, &number);
	__u64 begun;

	if (!question)
		return 1;
	begun = bpf_ktime_get_ns();
	question->nanoseconds = bpf_ktime_get_ns() - begun;
	return 0;
}

SEC("syscall")
int ask_all(void *context)
{
	return bpf_loop(question_count, ask_one, NULL, 0) != question_count;
}

SEC("syscall")
int ask_none(void *context)
{
	return bpf_loop(question_count, ask_nothing, NULL, 0) != question_count;
}
