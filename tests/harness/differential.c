/* SPDX-License-Identifier: BSD-2-Clause */
/* The switch against the reference model; see differential.h. */
#include "tests/harness/differential.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "bpf/sluice.skel.h"
#include "loader/compile.h"
#include "maps/control.h"
#include "tests/harness/detached.h"
#include "tests/harness/random_document.h"
#include "tests/harness/random_packet.h"
#include "tests/harness/seed.h"

#define FLOW_BUCKETS 4096
#define ADDITIONS    50 /* of a hundred changes so many are a rule more */

struct differential {
	struct sluice_bpf *skeleton;
	struct control *control;
	struct flow_bucket *flows;
	__u64 *flow_tags;
	__u64 *flow_usage;
	struct tables tables;
	struct ids *slots;
	struct ids *rules;
	struct trace *trace; /* one per possible CPU, as the map is read and written */
	int cpu_count;
	int cpu;
	struct sluice *sw; /* for what goes by sluice_change() */
	struct reference *reference;
	struct random_plan plan;
	struct sluice_config *config;
	struct random_pool pool;
	__u32 version;
	struct differential_count count;
	uint64_t seed;
	unsigned char out[512]; /* the frame as the last run left it */
	size_t out_length;
};

/* --- loading --- */

static int print_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

static void *map_memory(const struct bpf_map *map)
{
	size_t size = (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);
	void *memory = mmap(NULL, (size + 4095) & ~(size_t)4095, PROT_READ | PROT_WRITE, MAP_SHARED,
			    bpf_map__fd(map), 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* Only what is compared: the other programs take their time to be verified. */
static void choose_programs(struct sluice_bpf *skeleton)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, skeleton->obj)
		bpf_program__set_autoload(program, program == skeleton->progs.sluice_trace ||
							   program == skeleton->progs.sluice_query);
}

static int load(struct differential *differential)
{
	struct sluice_bpf *skeleton;

	libbpf_set_print(print_nothing);
	setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
	skeleton = sluice_bpf__open();
	if (!skeleton)
		return -errno;
	differential->skeleton = skeleton;
	bpf_map__set_max_entries(skeleton->maps.flows, FLOW_BUCKETS);
	bpf_map__set_max_entries(skeleton->maps.flow_details, FLOW_BUCKETS);
	bpf_map__set_max_entries(skeleton->maps.flow_tags, FLOW_BUCKETS);
	choose_programs(skeleton);
	if (sluice_bpf__load(skeleton))
		return -errno;
	differential->control = map_memory(skeleton->maps.control);
	differential->flows = map_memory(skeleton->maps.flows);
	differential->flow_tags = map_memory(skeleton->maps.flow_tags);
	differential->flow_usage = map_memory(skeleton->maps.flow_usage);
	differential->tables.lines = map_memory(skeleton->maps.tables);
	differential->tables.count = bpf_map__max_entries(skeleton->maps.tables);
	if (!differential->control || !differential->flows || !differential->flow_tags ||
	    !differential->flow_usage || !differential->tables.lines)
		return -errno;
	memcpy(differential->control->hash_seed, test_seed, sizeof(test_seed));
	return 0;
}

/* The program's element of `traces` is that of the CPU it runs on. */
static int stay_on_cpu(struct differential *differential)
{
	cpu_set_t set;

	differential->cpu = sched_getcpu();
	differential->cpu_count = libbpf_num_possible_cpus();
	if (differential->cpu < 0 || differential->cpu_count <= differential->cpu)
		return -EINVAL;
	CPU_ZERO(&set);
	CPU_SET((size_t)differential->cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

struct differential *differential_open(void)
{
	struct differential *differential = calloc(1, sizeof(*differential));
	int result;

	if (!differential)
		return NULL;
	differential->slots = ids_new(SLUICE_MAX_PORTS);
	differential->rules = ids_new(SLUICE_MAX_RULES);
	differential->reference = reference_new();
	result = load(differential);
	if (!result)
		result = stay_on_cpu(differential);
	if (!result) {
		differential->sw = detached_open(differential->skeleton, differential->control,
						 &differential->tables, differential->slots,
						 differential->rules);
		result = differential->sw ? 0 : -ENOENT;
	}
	differential->trace = calloc((size_t)(result ? 1 : differential->cpu_count),
				     sizeof(*differential->trace));
	if (result || !differential->trace) {
		fprintf(stderr, "the programs can not be loaded: %s\n", strerror(-result));
		differential_close(differential);
		return NULL;
	}
	return differential;
}

void differential_close(struct differential *differential)
{
	detached_close(differential->sw);
	sluice_bpf__destroy(differential->skeleton);
	ids_free(differential->slots);
	ids_free(differential->rules);
	reference_free(differential->reference);
	free(differential->trace);
	free(differential);
}

const struct differential_count *differential_counted(const struct differential *differential)
{
	return &differential->count;
}

/* --- telling --- */

static const char *reason_name(unsigned int reason)
{
	static const char *const names[] = { [DROP_NONE] = "none",
#define X(identifier, name, stage, text) [DROP_##identifier] = name,
					     DROP_REASONS(X)
#undef X
	};

	return reason < DROP_REASON_COUNT ? names[reason] : "?";
}

static void tell_packet(const struct reference_packet *packet)
{
	char source[46], destination[46];

	sluice_address_text(&packet->source, source);
	sluice_address_text(&packet->destination, destination);
	fprintf(stderr,
		"port %s, kind %d, protocol %u, %s:%u -> %s:%u, icmp %u/%u id %u, ttl %u, "
		"tcp flags 0x%02x seq %u ack %u, vlans %u, later fragment %d\n",
		packet->port, packet->kind, packet->protocol, source, packet->source_port,
		destination, packet->destination_port, packet->icmp_type, packet->icmp_code,
		packet->icmp_id, packet->ttl, packet->tcp_flags, packet->tcp_sequence,
		packet->tcp_acknowledgment, packet->vlan_count, packet->later_fragment);
	if (packet->kind != REFERENCE_ICMP_ERROR)
		return;
	sluice_address_text(&packet->quoted.source, source);
	sluice_address_text(&packet->quoted.destination, destination);
	fprintf(stderr, "quotes protocol %u, %s:%u -> %s:%u, icmp %u/%u id %u\n",
		packet->quoted.protocol, source, packet->quoted.source_port, destination,
		packet->quoted.destination_port, packet->quoted.icmp_type, packet->quoted.icmp_code,
		packet->quoted.icmp_id);
}

/* Says where it was, so that it can be seen again. */
static bool mismatch(struct differential *differential, const struct reference_packet *packet)
{
	fprintf(stderr, "MISMATCH with seed %llu, version %u of its document:\n",
		(unsigned long long)differential->seed, differential->version);
	random_document_write(&differential->plan, stderr);
	tell_packet(packet);
	return false;
}

/* --- the running version --- */

static int compile_next(struct differential *differential, const struct sluice_config *config,
			__u32 *root, struct sluice_error *error)
{
	struct placement *placements = calloc(config->port_count + 1, sizeof(*placements));
	int result = placements ? 0 : -ENOMEM;

	if (!result)
		result = tables_begin(&differential->tables, differential->control->root, error);
	if (!result)
		result = compile(&differential->tables, config, placements, NULL, differential->slots,
				 differential->rules, differential->version + 1, root, error);
	tables_end(&differential->tables);
	free(placements);
	return result;
}

/* The loopback device stands for every port's; a few ports have none. */
static int place_devices(struct differential *differential, struct random *random)
{
	int devices = bpf_map__fd(differential->skeleton->maps.devices_tc);
	struct bpf_devmap_val value = { .ifindex = 1 };

	for (size_t i = 0; i < differential->config->port_count; i++) {
		const char *port = differential->config->ports[i].name;
		__u32 slot = ids_find(differential->slots, port);
		bool is_there = !random_chance(random, 5);

		reference_set_device(differential->reference, port, is_there);
		if (is_there && bpf_map_update_elem(devices, &slot, &value, BPF_ANY))
			return -errno;
		if (!is_there && bpf_map_delete_elem(devices, &slot) && errno != ENOENT)
			return -errno;
	}
	return 0;
}

/* The document is the running version; so it is in the model. */
static bool take_over(struct differential *differential, struct sluice_config *config,
		      struct random *random)
{
	int result;

	sluice_config_free(differential->config);
	differential->config = config;
	differential->version++;
	reference_set_config(differential->reference, config);
	random_pool_free(&differential->pool);
	random_pool_make(&differential->pool, config);
	differential->count.versions++;
	result = place_devices(differential, random);
	if (result)
		fprintf(stderr, "devices_tc: %s\n", strerror(-result));
	return !result;
}

static bool refused(const struct differential *differential, const char *what,
		    const struct sluice_error *error)
{
	fprintf(stderr, "seed %llu: %s: %s\n", (unsigned long long)differential->seed, what,
		error->message);
	return false;
}

/* Makes the plan's document the running version, in the switch and in the model. */
static bool publish(struct differential *differential, struct random *random)
{
	struct sluice_config *config = random_document_read(&differential->plan);
	struct sluice_error error = { 0 };
	__u32 root;
	int result;

	if (!config)
		return false;
	result = compile_numbers(config, differential->slots, differential->rules, NULL, NULL,
				 &error);
	if (!result)
		result = compile_next(differential, config, &root, &error);
	if (!result) {
		__atomic_store_n(&differential->control->root, root, __ATOMIC_RELEASE);
		result = detached_note(differential->sw, config, &error);
	}
	if (!result)
		return take_over(differential, config, random);
	sluice_config_free(config);
	return refused(differential, "the document does not compile", &error);
}

/* Adds a rule as the commands do; what must go the whole way does. Now and then by somebody who has not
 * seen the versions before. */
static bool publish_added(struct differential *differential, struct random *random)
{
	struct sluice_config *config;
	struct random_addition addition;
	struct sluice_error error = { 0 };
	int result = 0;

	if (!random_plan_add(&differential->plan, random, &addition))
		return publish(differential, random);
	config = random_document_read(&differential->plan);
	if (!config)
		return false;
	if (random_chance(random, 30))
		result = detached_forget(differential->sw, &error);
	if (!result)
		result = detached_add(
			differential->sw, config,
			&(struct detached_rule){ addition.acl, addition.owner, addition.position },
			&error);
	if (!result) {
		differential->count.added++;
		return take_over(differential, config, random);
	}
	sluice_config_free(config);
	return result == -ENODEV ? publish(differential, random)
				 : refused(differential, "a rule can not be added", &error);
}

static void clear_flows(struct differential *differential)
{
	memset(differential->flows, 0, FLOW_BUCKETS * sizeof(*differential->flows));
	memset(differential->flow_tags, 0, FLOW_BUCKETS * sizeof(*differential->flow_tags));
	memset(differential->flow_usage, 0, SLUICE_MAX_PORTS * sizeof(*differential->flow_usage));
	reference_forget_connections(differential->reference);
}

/* --- questions --- */

/* Runs a program with a request in this CPU's element and reads the result from there. */
static int run(struct differential *differential, const struct bpf_program *program,
	       const struct trace_request *request, const unsigned char *frame, size_t length,
	       struct trace_result *trace_result)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = (__u32)length,
		    .data_out = differential->out, .data_size_out = sizeof(differential->out),
		    .repeat = 1);
	struct trace *mine = &differential->trace[differential->cpu];
	int traces = bpf_map__fd(differential->skeleton->maps.traces);
	__u32 zero = 0;

	memset(mine, 0, sizeof(*mine));
	mine->request = *request;
	if (bpf_map_update_elem(traces, &zero, differential->trace, BPF_ANY) ||
	    bpf_prog_test_run_opts(bpf_program__fd(program), &options) ||
	    bpf_map_lookup_elem(traces, &zero, differential->trace)) {
		fprintf(stderr, "a test run failed: %s\n", strerror(errno));
		return -errno;
	}
	*trace_result = mine->result;
	differential->out_length = options.data_size_out;
	return 0;
}

static const char *rule_key(const struct differential *differential, __u32 rule)
{
	const char *key = rule ? ids_key(differential->rules, rule) : "";

	return key ? key : "?";
}

static void draw_question(struct differential *differential, struct random *random,
			  struct reference_packet *packet, struct query *query)
{
	const struct sluice_config *config = differential->config;
	unsigned int port = random_below(random, (unsigned int)config->port_count);
	struct reference_tuple tuple;

	random_tuple_draw(&differential->pool, random, &tuple);
	*packet = (struct reference_packet){
		.source = tuple.source,
		.destination = tuple.destination,
		.protocol = tuple.protocol,
		.source_port = tuple.source_port,
		.destination_port = tuple.destination_port,
		.icmp_type = tuple.icmp_type,
		.icmp_code = tuple.icmp_code,
	};
	snprintf(packet->port, sizeof(packet->port), "%s", config->ports[port].name);
	*query = (struct query){
		.slot = ids_find(differential->slots, packet->port),
		.direction = (__u8)random_below(random, 2),
		.protocol = (__u8)tuple.protocol,
		.icmp_type = (__u8)tuple.icmp_type,
		.icmp_code = (__u8)tuple.icmp_code,
		.source = tuple.source,
		.destination = tuple.destination,
		.source_port = htons((__u16)tuple.source_port),
		.destination_port = htons((__u16)tuple.destination_port),
	};
}

static bool compare_question(struct differential *differential, struct random *random)
{
	static const unsigned char frame[64];
	struct trace_request request = { .slot = 0 };
	struct reference_packet packet;
	struct reference_answer expected;
	struct trace_result result;
	const char *rule;

	draw_question(differential, random, &packet, &request.query);
	if (run(differential, differential->skeleton->progs.sluice_query, &request, frame,
		sizeof(frame), &result))
		return false;
	reference_query(differential->reference, &packet, request.query.direction, &expected);
	differential->count.questions++;
	rule = rule_key(differential, result.rule);
	if (result.access == expected.access && result.level == expected.level &&
	    !strcmp(rule, expected.rule) && result.version == differential->version)
		return true;
	mismatch(differential, &packet);
	fprintf(stderr,
		"question, direction %u: switch access %u level %u rule %s version %u; "
		"model access %u level %u rule %s version %u\n",
		request.query.direction, result.access, result.level, rule, result.version,
		expected.access, expected.level, expected.rule, differential->version);
	return false;
}

/* --- frames --- */

static const char *slot_name(const struct differential *differential, __u32 slot)
{
	const char *name = slot ? ids_key(differential->slots, slot) : "";

	return name ? name : "?";
}

/* A rule is compared where one decides: a drop for any other reason may have met rules before. */
static bool same(const struct differential *differential, const struct trace_result *result,
		 const struct reference_outcome *expected)
{
	bool by_rule = expected->verdict == TRACE_DELIVER && !expected->answered;

	by_rule |= expected->reason == DROP_ACL_DENY || expected->reason == DROP_NSG_DENY;
	return result->verdict == expected->verdict && result->reason == expected->reason &&
	       result->answered == expected->answered && result->state == expected->state &&
	       (expected->answered ||
		!strcmp(slot_name(differential, result->out_slot), expected->out_port)) &&
	       (!by_rule || !strcmp(rule_key(differential, result->rule), expected->rule));
}

/* A delivered frame is the frame that was sent, but for who it is from and to in this hop, and one
 * hop less between subnets. */
static bool same_frame(const struct differential *differential,
		       const struct reference_packet *packet,
		       const struct reference_outcome *expected)
{
	const struct sluice_config *config = differential->config;
	struct reference_packet sent = *packet;
	unsigned char frame[256];

	if (expected->verdict != TRACE_DELIVER || expected->answered)
		return true;
	switch_mac(config->name, sent.source_mac);
	for (size_t i = 0; i < config->port_count; i++)
		if (!strcmp(config->ports[i].name, expected->out_port))
			memcpy(sent.destination_mac, config->ports[i].mac, 6);
	sent.ttl -= expected->routed;
	return reference_frame(&sent, frame) == differential->out_length &&
	       !memcmp(frame, differential->out, differential->out_length);
}

static void tell_outcomes(const struct differential *differential,
			  const struct trace_result *result,
			  const struct reference_outcome *expected)
{
	fprintf(stderr, "switch: verdict %u, reason %s, answered %u, state %u, out %s, rule %s\n",
		result->verdict, reason_name(result->reason), result->answered, result->state,
		slot_name(differential, result->out_slot), rule_key(differential, result->rule));
	fprintf(stderr, "model:  verdict %u, reason %s, answered %u, state %u, out %s, rule %s\n",
		expected->verdict, reason_name(expected->reason), expected->answered,
		expected->state, expected->out_port, expected->rule);
}

static bool compare_frame(struct differential *differential, struct random *random, bool keep)
{
	struct differential_count *count = &differential->count;
	struct trace_request request = { .keep_flows = keep };
	struct reference_packet packet;
	struct reference_outcome expected;
	struct trace_result result;
	unsigned char frame[256];
	size_t length;

	random_packet_draw(&differential->pool, differential->reference, random, &packet);
	request.slot = ids_find(differential->slots, packet.port);
	length = reference_frame(&packet, frame);
	if (run(differential, differential->skeleton->progs.sluice_trace, &request, frame, length,
		&result))
		return false;
	reference_send(differential->reference, &packet, keep, &expected);
	count->frames++;
	count->delivered += expected.verdict == TRACE_DELIVER && !expected.answered;
	count->answered += expected.answered;
	count->dropped += expected.verdict == TRACE_DROP;
	count->on_connections +=
		expected.state == TRACE_STATE_ESTABLISHED || expected.state == TRACE_STATE_RELATED;
	count->reasons[expected.reason]++;
	if (same(differential, &result, &expected) && same_frame(differential, &packet, &expected))
		return true;
	mismatch(differential, &packet);
	tell_outcomes(differential, &result, &expected);
	return false;
}

/* The switch's table and the model's list must hold as many connections. */
static bool same_connections(const struct differential *differential)
{
	size_t live = 0, expected = reference_connection_count(differential->reference);

	for (int i = 0; i < FLOW_BUCKETS * FLOWS_PER_BUCKET; i++)
		live += differential->flows[i / FLOWS_PER_BUCKET].way[i % FLOWS_PER_BUCKET].state !=
			FLOW_FREE;
	if (live == expected)
		return true;
	fprintf(stderr, "seed %llu: the switch holds %zu connections, the model %zu\n",
		(unsigned long long)differential->seed, live, expected);
	return false;
}

static bool run_version(struct differential *differential, struct random *random,
			const struct differential_size *size)
{
	for (unsigned int i = 0; i < size->questions; i++)
		if (!compare_question(differential, random))
			return false;
	for (unsigned int i = 0; i < size->frames; i++)
		if (!compare_frame(differential, random, true))
			return false;
	for (unsigned int i = 0; i < size->peeks; i++)
		if (!compare_frame(differential, random, false))
			return false;
	return same_connections(differential);
}

bool differential_run(struct differential *differential, uint64_t seed,
		      const struct differential_size *size)
{
	struct random random = { seed };
	bool good = true;

	differential->seed = seed;
	differential->count.documents++;
	random_plan_draw(&differential->plan, &random);
	clear_flows(differential);
	for (unsigned int i = 0; i <= size->changes && good; i++) {
		if (i && random_chance(&random, ADDITIONS)) {
			good = publish_added(differential, &random);
		} else {
			if (i)
				random_plan_change(&differential->plan, &random);
			good = publish(differential, &random);
		}
		good = good && (!differential->config->port_count ||
				run_version(differential, &random, size));
	}
	random_pool_free(&differential->pool);
	sluice_config_free(differential->config);
	differential->config = NULL;
	return good;
}
