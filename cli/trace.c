// SPDX-License-Identifier: BSD-2-Clause
/*
 * trace: one packet through the loaded program, each stage's decision as a sentence.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <pcap/pcap.h>
#include <string.h>

#include "cli/frame.h"

#define DEFAULT_SOURCE_PORT 49152

const char *trace_verdict_name(const struct trace_result *result)
{
	static const char *const names[] = {
		[TRACE_DROP] = "Drop", [TRACE_DELIVER] = "Deliver", [TRACE_HOST] = "Host"
	};

	return result->verdict <= TRACE_HOST ? names[result->verdict] : "unknown";
}

const char *trace_state_name(const struct trace_result *result)
{
	static const char *const names[] = {
#define X(identifier, name) [TRACE_STATE_##identifier] = name,
		TRACE_STATES(X)
#undef X
	};

	return result->state < TRACE_STATE_COUNT ? names[result->state] : "unknown";
}

static const char *const stage_names[STAGE_COUNT] = {
#define X(identifier, name) [STAGE_##identifier] = name,
	STAGES(X)
#undef X
};

/* --- the frame ------------------------------------------------------------------------------ */

static int read_packet(const struct invocation *invocation, struct frame_plan *plan)
{
	const char *flags = option_text(invocation, "flags");
	struct sluice_error error = { 0 };
	bool source_has, destination_has;

	if (sluice_protocol_parse(invocation->arguments[1], &plan->protocol) || plan->protocol < 0)
		return usage_error(
			invocation,
			"the protocol is Tcp, Udp, Icmp, Esp, Ah or a number, not \"%s\"",
			invocation->arguments[1]);
	if (parse_endpoint(invocation->arguments[2], &plan->source, &plan->source_port, &source_has,
			   &error) ||
	    parse_endpoint(invocation->arguments[3], &plan->destination, &plan->destination_port,
			   &destination_has, &error))
		return usage_error(invocation, "%s", error.message);
	if (sluice_address_is_ipv4(&plan->source) != sluice_address_is_ipv4(&plan->destination))
		return usage_error(invocation, "source and destination are not of one IP version");
	if (protocol_has_ports(plan->protocol) && !destination_has)
		return usage_error(invocation, "the destination \"%s\" wants a port",
				   invocation->arguments[3]);
	if (!protocol_has_ports(plan->protocol) && (source_has || destination_has))
		return usage_error(invocation, "protocol %s has no ports",
				   protocol_text(plan->protocol));
	if (!source_has)
		plan->source_port = DEFAULT_SOURCE_PORT;
	if (tcp_flags_parse(flags ? flags : "S", &plan->tcp_flags))
		return usage_error(invocation, "--flags is of F, S, R, P, A, U, not \"%s\"", flags);
	return 0;
}

/* The MACs: from the port to the switch. */
static int read_macs(const struct invocation *invocation, struct sluice *sw, const char *port,
		     struct frame_plan *plan)
{
	struct sluice_error error = { 0 };
	struct sluice_config *config;
	struct sluice_status *status;
	unsigned int version;
	bool found = false;

	if (sluice_running(sw, &version, &config, &error))
		return refuse(invocation, &error);
	for (size_t i = 0; i < config->port_count; i++)
		if (!strcmp(config->ports[i].name, port)) {
			memcpy(plan->source_mac, config->ports[i].mac, 6);
			found = true;
		}
	sluice_config_free(config);
	if (!found)
		return refuse_text(invocation, "there is no port \"%s\" (see: sluice port list)",
				   port);
	if (sluice_status_get(sw, &status, &error))
		return refuse(invocation, &error);
	memcpy(plan->destination_mac, status->mac, 6);
	sluice_status_free(status);
	return 0;
}

/* --- the answer ----------------------------------------------------------------------------- */

/* A traced frame and what became of it. */
struct traced {
	struct sluice *sw;
	const char *port; /* that sent it */
	unsigned char frame[FRAME_BUILD_MAX];
	size_t length;
	unsigned char out[SLUICE_FRAME_MAX];
	struct trace_result result;
};

/* What the switch tells the sender, when it speaks of the frame; else "". */
static void say_error(const struct traced *traced, char *text, size_t size)
{
	const unsigned char *ip = traced->out + ETH_HLEN;
	bool ipv6 = traced->result.parsed.ether_type == htons(ETH_P_IPV6);
	const unsigned char *icmp = ip + (ipv6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr));
	size_t least = (size_t)(icmp - traced->out) + sizeof(struct icmphdr);

	text[0] = '\0';
	if (traced->result.out_length < least ||
	    ip[ipv6 ? 6 : 9] != (ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return;
	if (icmp[0] == (ipv6 ? ICMP6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED))
		snprintf(text, size, ": time exceeded");
	else if (icmp[0] == (ipv6 ? ICMP6_PACKET_TOO_BIG : ICMP_DEST_UNREACH))
		snprintf(text, size, ": %s, the MTU is %u",
			 ipv6 ? "packet too big" : "fragmentation needed",
			 (unsigned int)icmp[6] << 8 | icmp[7]);
}

/* The port it is delivered to; the switch's own answers go back to the sender. */
static const char *receiver(const struct traced *traced)
{
	if (traced->result.verdict != TRACE_DELIVER)
		return NULL;
	if (traced->result.answered)
		return traced->port;
	return sluice_slot_name(traced->sw, traced->result.out_slot);
}

static void say_parse(const struct traced *traced, char *text, size_t size)
{
	const struct trace_parsed *parsed = &traced->result.parsed;
	bool ports = parsed->has & PARSED_PORTS;

	if (!(parsed->has & PARSED_ADDRESSES)) {
		snprintf(text, size, "ethertype 0x%04x", ntohs(parsed->ether_type));
		return;
	}
	snprintf(text, size, "%s from %s to %s",
		 packet_text(ntohs(parsed->ether_type), parsed->protocol),
		 endpoint_text(&parsed->source, ntohs(parsed->source_port), ports),
		 endpoint_text(&parsed->destination, ntohs(parsed->destination_port), ports));
}

static void say_flow(const struct traced *traced, char *text, size_t size)
{
	static const char *const sentences[TRACE_STATE_COUNT] = {
		[TRACE_STATE_NONE] = "belongs to no flow",
		[TRACE_STATE_NEW] = "begins a new flow",
		[TRACE_STATE_ESTABLISHED] = "belongs to a flow that is known",
		[TRACE_STATE_RELATED] = "is an error about a flow that is known",
		[TRACE_STATE_INVALID] = "fits no flow",
	};

	snprintf(text, size, "%s",
		 traced->result.state < TRACE_STATE_COUNT ? sentences[traced->result.state] : "?");
}

static void say_police(const struct traced *traced, char *text, size_t size)
{
	static const char *const levels[FLOW_RULES] = { "the sender's nic", "the sender's subnet",
							"the receiver's subnet",
							"the receiver's nic" };
	const struct trace_result *result = &traced->result;
	const char *acl = result->acl_rule ? sluice_rule_name(traced->sw, result->acl_rule) : NULL;
	size_t length;

	snprintf(text, size, "%s", acl ? "ACL rule " : "");
	length = strlen(text);
	if (acl)
		snprintf(text + length, size - length, "%s allows", acl);
	for (int i = 0; i < FLOW_RULES; i++) {
		const char *rule =
			result->rules[i] ? sluice_rule_name(traced->sw, result->rules[i]) : NULL;

		length = strlen(text);
		if (rule)
			snprintf(text + length, size - length, "%s%s allows (%s)",
				 length ? ", " : "", rule, levels[i]);
	}
	if (!text[0])
		snprintf(text, size, "no ACL rule and no NSG decides: allowed");
}

/* What a stage decided of a frame that it let go on. */
static void say_stage(const struct traced *traced, enum stage stage, char *text, size_t size)
{
	const struct trace_result *result = &traced->result;
	const char *to = receiver(traced);

	switch (stage) {
	case STAGE_PARSE:
		say_parse(traced, text, size);
		return;
	case STAGE_ADMIT:
		snprintf(text, size, "port %s may send it", traced->port);
		return;
	case STAGE_ANSWER:
		snprintf(text, size, "is no question about neighbors");
		return;
	case STAGE_FLOW:
		say_flow(traced, text, size);
		return;
	case STAGE_ROUTE:
		snprintf(text, size, "goes to %s%s", result->answered ? "the gateway" : "port ",
			 result->answered ? ""
			 : to             ? to
					  : "?");
		if (!to)
			snprintf(text, size, "the destination is in reach");
		return;
	case STAGE_POLICE:
		say_police(traced, text, size);
		return;
	case STAGE_ACT:
		snprintf(text, size, "addressed to the receiver's MAC from the switch's");
		return;
	default:
		snprintf(text, size, "sent to port %s, %u bytes", to ? to : "?",
			 result->out_length);
		return;
	}
}

static void say_drop(const struct traced *traced, char *text, size_t size)
{
	const struct trace_result *result = &traced->result;
	const char *rule = result->rule ? sluice_rule_name(traced->sw, result->rule) : NULL;

	snprintf(text, size, "dropped, %s: %s%s%s", sluice_drop_reason_name(result->reason),
		 sluice_drop_reason_help(result->reason), rule ? ", by " : "", rule ? rule : "");
}

static bool came_to(const struct trace_result *result, int stage)
{
	return result->stages & (1U << stage);
}

static bool last_stage(const struct trace_result *result, int stage)
{
	return !(result->stages >> (stage + 1));
}

/* Calls with each stage the frame came to and its sentence. */
static void each_stage(const struct traced *traced,
		       void (*visit)(const char *stage, const char *decision, void *context),
		       void *context)
{
	const struct trace_result *result = &traced->result;
	char text[512], error[64];

	say_error(traced, error, sizeof(error));
	for (int stage = 0; stage < STAGE_COUNT; stage++) {
		if (!came_to(result, stage))
			continue;
		if (result->verdict == TRACE_DROP && stage == result->drop_stage)
			say_drop(traced, text, sizeof(text));
		else if (result->answered && last_stage(result, stage))
			snprintf(text, sizeof(text), "the switch answers it itself, to port %s%s",
				 traced->port, error);
		else
			say_stage(traced, stage, text, sizeof(text));
		visit(stage_names[stage], text, context);
	}
}

static void stage_to_json(const char *stage, const char *decision, void *context)
{
	json_array_append_new(context, json_pack("{ssss}", "stage", stage, "decision", decision));
}

static void stage_to_text(const char *stage, const char *decision, void *context)
{
	(void)context;
	printf("%-8s %s\n", stage, decision);
}

static json_t *hex_json(const struct traced *traced)
{
	static char hex[2 * SLUICE_FRAME_MAX + 1];

	if (traced->result.verdict != TRACE_DELIVER)
		return json_null();
	for (size_t i = 0; i < traced->result.out_length && i < SLUICE_FRAME_MAX; i++)
		sprintf(hex + 2 * i, "%02x", traced->out[i]);
	return json_string(hex);
}

static void print_traced(const struct invocation *invocation, const struct traced *traced)
{
	const struct trace_result *result = &traced->result;
	bool dropped = result->verdict == TRACE_DROP;
	const char *reason = dropped ? sluice_drop_reason_name(result->reason) : NULL;
	const char *to = receiver(traced);

	if (invocation->json) {
		const char *rule = result->rule ? sluice_rule_name(traced->sw, result->rule) : NULL;
		json_t *stages = json_array();
		json_t *answer = json_pack(
			"{ss ss? ss? ss? sn ss si}", "verdict", trace_verdict_name(result),
			"reason", reason, "rule", rule, "port", to, "uplink", "state",
			trace_state_name(result), "version", (int)result->version);

		each_stage(traced, stage_to_json, stages);
		json_object_set_new(answer, "stages", stages);
		json_object_set_new(answer, "out", hex_json(traced));
		print_json(answer);
		return;
	}
	each_stage(traced, stage_to_text, NULL);
	printf("%s%s%s%s%s%s%s\n", shade(invocation, dropped ? SHADE_BAD : SHADE_GOOD),
	       trace_verdict_name(result), shade(invocation, SHADE_PLAIN), reason ? ": " : "",
	       reason ? reason : "", to ? " to " : "", to ? to : "");
}

/* --- the command ---------------------------------------------------------------------------- */

/* The frame as it came and, when it is delivered, as it is sent. */
static int write_pcap(const struct invocation *invocation, const struct traced *traced,
		      const char *path)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, SLUICE_FRAME_MAX);
	struct pcap_pkthdr header = { .caplen = traced->length, .len = traced->length };
	pcap_dumper_t *dumper = pcap ? pcap_dump_open(pcap, path) : NULL;
	int code = EXIT_DONE;

	if (!dumper) {
		code = refuse_text(invocation, "%s", pcap ? pcap_geterr(pcap) : "out of memory");
	} else {
		pcap_dump((unsigned char *)dumper, &header, traced->frame);
		header.caplen = header.len = traced->result.out_length;
		header.ts.tv_usec = 1;
		if (traced->result.verdict == TRACE_DELIVER)
			pcap_dump((unsigned char *)dumper, &header, traced->out);
		if (pcap_dump_flush(dumper))
			code = refuse_text(invocation, "%s: %s", path, strerror(errno));
		pcap_dump_close(dumper);
	}
	if (pcap)
		pcap_close(pcap);
	return code;
}

static int trace_one(struct invocation *invocation, struct sluice *sw, struct frame_plan *plan)
{
	static struct traced traced;
	const char *pcap = option_text(invocation, "pcap");
	struct sluice_error error = { 0 };
	int code;

	traced.sw = sw;
	traced.port = invocation->arguments[0];
	code = read_macs(invocation, sw, traced.port, plan);
	if (code)
		return code;
	traced.length = frame_build(plan, traced.frame);
	if (sluice_trace_run(sw, traced.port, option_given(invocation, "keep-flows"), traced.frame,
			     traced.length, traced.length, traced.out, &traced.result, &error))
		return refuse(invocation, &error);
	print_traced(invocation, &traced);
	return pcap ? write_pcap(invocation, &traced, pcap) : EXIT_DONE;
}

int run_trace(struct invocation *invocation)
{
	const char *replay = option_text(invocation, "replay");
	struct frame_plan plan = { 0 };
	struct sluice *sw;
	int code = 0;

	if (replay && (invocation->argument_count != 1 || option_given(invocation, "flags") ||
		       option_given(invocation, "pcap")))
		return usage_error(invocation, "--replay has its frames in the file");
	if (!replay && invocation->argument_count != 4)
		return usage_error(invocation, "it wants PORT PROTOCOL SOURCE DESTINATION");
	if (!replay)
		code = read_packet(invocation, &plan);
	if (!code)
		code = open_switch(invocation, &sw);
	if (code)
		return code;
	code = replay ? run_replay(invocation, sw, invocation->arguments[0], replay)
		      : trace_one(invocation, sw, &plan);
	sluice_close(sw);
	return code;
}
