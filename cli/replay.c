// SPDX-License-Identifier: BSD-2-Clause
/*
 * trace --replay: every frame of a capture as if the port had sent it.
 */
#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <string.h>
#include <unistd.h>

#include "cli/frame.h"

#define VLAN_ID_MASK 0x0fff

json_t *parsed_json(const struct trace_parsed *parsed)
{
	static const char *const fragments[] = { "no", "first", "later" };
	json_t *json = json_object(), *vlans = json_array();
	char text[INET6_ADDRSTRLEN];

	for (int i = 0; i < parsed->vlan_count && i < 2; i++)
		json_array_append_new(vlans, json_integer(ntohs(parsed->vlan[i]) & VLAN_ID_MASK));
	if (parsed->has & PARSED_ETHERNET) {
		json_object_set(json, "vlans", vlans);
		json_object_set_new(json, "etherType", json_integer(ntohs(parsed->ether_type)));
	}
	json_decref(vlans);
	if (parsed->has & PARSED_ADDRESSES) {
		json_object_set_new(json, "source",
				    json_string(sluice_address_text(&parsed->source, text)));
		json_object_set_new(json, "destination",
				    json_string(sluice_address_text(&parsed->destination, text)));
		if (ntohs(parsed->ether_type) != ETHER_TYPE_ARP) {
			json_object_set_new(json, "protocol", json_integer(parsed->protocol));
			json_object_set_new(json, "fragment",
					    json_string(fragments[parsed->fragment % 3]));
		}
	}
	if (parsed->has & PARSED_PORTS) {
		json_object_set_new(json, "sourcePort", json_integer(ntohs(parsed->source_port)));
		json_object_set_new(json, "destinationPort",
				    json_integer(ntohs(parsed->destination_port)));
	}
	if (parsed->has & PARSED_ICMP) {
		json_object_set_new(json, "icmpType", json_integer(parsed->icmp_type));
		json_object_set_new(json, "icmpCode", json_integer(parsed->icmp_code));
	}
	if (parsed->has & PARSED_TCP_FLAGS)
		json_object_set_new(json, "tcpFlags", json_integer(parsed->tcp_flags));
	return json;
}

static void print_frame(const struct invocation *invocation, unsigned long long number,
			const struct trace_result *result)
{
	bool dropped = result->verdict == TRACE_DROP;
	const char *reason = dropped ? sluice_drop_reason_name(result->reason) : NULL;
	const struct trace_parsed *parsed = &result->parsed;
	bool ports = parsed->has & PARSED_PORTS;

	if (invocation->json) {
		print_json_line(json_pack("{sI ss ss? ss so}", "frame", (json_int_t)number,
					  "verdict", trace_verdict_name(result), "reason", reason,
					  "state", trace_state_name(result), "parsed",
					  parsed_json(parsed)));
		return;
	}
	printf("%llu %s%s%s%s%s, %s", number, shade(invocation, dropped ? SHADE_BAD : SHADE_GOOD),
	       trace_verdict_name(result), shade(invocation, SHADE_PLAIN), reason ? " " : "",
	       reason ? reason : "", trace_state_name(result));
	if (parsed->has & PARSED_ADDRESSES)
		printf(": %s %s -> %s", packet_text(ntohs(parsed->ether_type), parsed->protocol),
		       endpoint_text(&parsed->source, ntohs(parsed->source_port), ports),
		       endpoint_text(&parsed->destination, ntohs(parsed->destination_port), ports));
	printf("\n");
}

static int replay_frames(struct invocation *invocation, struct sluice *sw, const char *port,
			 const char *path, pcap_t *pcap)
{
	static unsigned char out[SLUICE_FRAME_MAX];
	bool keep = option_given(invocation, "keep-flows");
	struct sluice_error error = { 0 };
	unsigned long long number = 0;
	struct pcap_pkthdr *header;
	const unsigned char *bytes;
	int got;

	while ((got = pcap_next_ex(pcap, &header, &bytes)) == 1) {
		struct trace_result result;

		number++;
		if (sluice_trace_run(sw, port, keep, bytes, header->caplen, header->len, out,
				     &result, &error))
			return refuse_text(invocation, "%s: frame %llu: %s", path, number,
					   error.message);
		print_frame(invocation, number, &result);
		if (isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO) && number % 10000 == 0)
			fprintf(stderr, "\r%llu frames", number);
	}
	if (isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO) && number >= 10000)
		fprintf(stderr, "\r\033[K");
	if (got == PCAP_ERROR)
		return refuse_text(invocation, "%s: %s", path, pcap_geterr(pcap));
	return EXIT_DONE;
}

int run_replay(struct invocation *invocation, struct sluice *sw, const char *port, const char *path)
{
	char problem[PCAP_ERRBUF_SIZE];
	struct sluice_error error = { 0 };
	pcap_t *pcap;
	int code;

	if (sluice_port_slot(sw, port, &error) < 0)
		return refuse(invocation, &error);
	pcap = pcap_open_offline(path, problem);
	if (!pcap)
		return refuse_text(invocation, "%s", problem);
	if (pcap_datalink(pcap) != DLT_EN10MB)
		code = refuse_text(invocation,
				   "%s holds %s frames; only Ethernet ones can be replayed", path,
				   pcap_datalink_val_to_name(pcap_datalink(pcap)) ?: "unknown");
	else
		code = replay_frames(invocation, sw, port, path, pcap);
	pcap_close(pcap);
	return code;
}
