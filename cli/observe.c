// SPDX-License-Identifier: BSD-2-Clause
/*
 * observe: drops and new flows as they happen.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "cli/cli.h"

#define DEFAULT_RATE 1000
#define QUIET_NS     1000000000ULL

static volatile sig_atomic_t interrupted;

struct observer {
	const struct invocation *invocation;
	struct sluice *sw;
	int slot; /* 0: all ports */
	int kind; /* enum event_kind, 0: both */
	bool follow;
	__u64 last;            /* when something arrived, or it began */
	long long wall_offset; /* wall clock minus the events' clock */
};

static __u64 clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static bool should_stop(void *context)
{
	const struct observer *observer = context;

	if (interrupted || ferror(stdout))
		return true;
	return !observer->follow && clock_ns(CLOCK_MONOTONIC) - observer->last > QUIET_NS;
}

static void time_of(const struct observer *observer, const struct event *event, char text[32])
{
	__u64 wall = event->time + observer->wall_offset;
	time_t seconds = wall / 1000000000ULL;
	struct tm local;

	localtime_r(&seconds, &local);
	strftime(text, 32, "%H:%M:%S", &local);
	snprintf(text + strlen(text), 32 - strlen(text), ".%03llu",
		 (unsigned long long)(wall / 1000000ULL % 1000));
}

static bool has_addresses(const struct event *event)
{
	static const struct ip_address zero;

	return memcmp(&event->source, &zero, sizeof(zero)) ||
	       memcmp(&event->destination, &zero, sizeof(zero));
}

static void print_event_json(const struct observer *observer, const struct event *event)
{
	bool dropped = event->kind == EVENT_DROP;
	const char *in = sluice_slot_name(observer->sw, event->in_slot);
	const char *out = sluice_slot_name(observer->sw, event->out_slot);
	const char *rule = event->rule ? sluice_rule_name(observer->sw, event->rule) : NULL;
	json_t *json = json_pack("{sf ss ss? ss? ss? ss? si si si}", "time",
				 (double)(event->time + observer->wall_offset) / 1e9, "verdict",
				 dropped ? "Dropped" : "Forwarded", "reason",
				 dropped ? sluice_drop_reason_name(event->reason) : NULL, "rule",
				 rule, "port", in, "to", out, "etherType", ntohs(event->ethertype),
				 "length", (int)event->length, "version", (int)event->version);

	if (has_addresses(event)) {
		char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];

		json_object_set_new(json, "source",
				    json_string(sluice_address_text(&event->source, source)));
		json_object_set_new(
			json, "destination",
			json_string(sluice_address_text(&event->destination, destination)));
		if (ntohs(event->ethertype) != ETHER_TYPE_ARP)
			json_object_set_new(json, "protocol", json_integer(event->protocol));
		if (protocol_has_ports(event->protocol)) {
			json_object_set_new(json, "sourcePort",
					    json_integer(ntohs(event->source_port)));
			json_object_set_new(json, "destinationPort",
					    json_integer(ntohs(event->destination_port)));
		}
	}
	print_json_line(json);
}

static void print_event(const struct observer *observer, const struct event *event)
{
	bool dropped = event->kind == EVENT_DROP;
	const char *in = sluice_slot_name(observer->sw, event->in_slot);
	const char *out = sluice_slot_name(observer->sw, event->out_slot);
	const char *rule = event->rule ? sluice_rule_name(observer->sw, event->rule) : NULL;
	bool ports = protocol_has_ports(event->protocol);
	char time[32];

	time_of(observer, event, time);
	printf("%s %s%s%s %s", time, shade(observer->invocation, dropped ? SHADE_BAD : SHADE_GOOD),
	       dropped ? "Dropped  " : "Forwarded", shade(observer->invocation, SHADE_PLAIN),
	       in ? in : "(no port)");
	if (out)
		printf(" -> %s", out);
	if (has_addresses(event))
		printf(": %s %s -> %s", packet_text(ntohs(event->ethertype), event->protocol),
		       endpoint_text(&event->source, ntohs(event->source_port), ports),
		       endpoint_text(&event->destination, ntohs(event->destination_port), ports));
	else
		printf(": ethertype 0x%04x, %u bytes", ntohs(event->ethertype), event->length);
	if (dropped)
		printf(", %s", sluice_drop_reason_name(event->reason));
	else
		printf(", new flow");
	if (rule)
		printf(" by %s", rule);
	printf("\n");
}

static int on_event(const struct event *event, void *context)
{
	struct observer *observer = context;

	observer->last = clock_ns(CLOCK_MONOTONIC);
	if (event->left_out) {
		if (observer->invocation->json)
			print_json_line(json_pack("{si}", "leftOut", (int)event->left_out));
		else
			printf("(%u events left out: more than the rate allows)\n",
			       event->left_out);
	}
	if (!event->kind || (observer->kind && observer->kind != event->kind) ||
	    (observer->slot && observer->slot != event->in_slot &&
	     observer->slot != event->out_slot))
		return 0;
	if (observer->invocation->json)
		print_event_json(observer, event);
	else
		print_event(observer, event);
	/* A stream is read as it comes. */
	fflush(stdout);
	return 0;
}

static int read_filters(const struct invocation *invocation, struct observer *observer)
{
	const char *verdict = option_text(invocation, "verdict");

	if (!verdict)
		observer->kind = 0;
	else if (!strcasecmp(verdict, "Dropped"))
		observer->kind = EVENT_DROP;
	else if (!strcasecmp(verdict, "Forwarded"))
		observer->kind = EVENT_NEW_FLOW;
	else
		return usage_error(invocation, "--verdict is Dropped or Forwarded, not \"%s\"",
				   verdict);
	return 0;
}

int run_observe(struct invocation *invocation)
{
	struct observer observer = { .invocation = invocation };
	struct sigaction action = { .sa_handler = on_signal };
	const char *port = option_text(invocation, "port");
	const char *rate = option_text(invocation, "rate");
	unsigned long long per_second = DEFAULT_RATE;
	struct sluice_error error = { 0 };
	int code;

	code = read_filters(invocation, &observer);
	if (!code)
		code = open_switch(invocation, &observer.sw);
	if (code)
		return code;
	if (rate)
		parse_number(rate, 0xffffffff, &per_second);
	observer.follow = option_given(invocation, "follow");
	observer.last = clock_ns(CLOCK_MONOTONIC);
	observer.wall_offset = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	observer.slot = port ? sluice_port_slot(observer.sw, port, &error) : 0;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (observer.slot < 0 ||
	    sluice_observe(observer.sw, per_second, on_event, should_stop, &observer, &error))
		code = refuse(invocation, &error);
	sluice_close(observer.sw);
	return code;
}
