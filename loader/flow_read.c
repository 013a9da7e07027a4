// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading the file of moved flows (loader/flow_file.h), which another host wrote and nobody vouches
 * for. It is read to its end before anything is done with it; what is wrong is said by line.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "loader/flow_file.h"
#include "loader/switch.h"
#include "loader/text.h"

/* The head of a switch that has as many ports as there can be, of long names, fits in. */
#define LINE_MAX_BYTES (4U << 20)
#define ADDRESSES_MAX  4096

struct reader {
	FILE *stream;
	const char *name;
	unsigned int line;
	char *text;
	size_t room;
	size_t length;
	struct sluice_error *error;
};

/* Says what is wrong with the line that was read last. */
static int wrong(const struct reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int wrong(const struct reader *reader, const char *format, ...)
{
	char message[400];
	va_list list;

	va_start(list, format);
	vsnprintf(message, sizeof(message), format, list);
	va_end(list);
	sluice_error_set(reader->error, -EINVAL, "%s", message);
	if (reader->error) {
		snprintf(reader->error->file, sizeof(reader->error->file), "%s", reader->name);
		reader->error->line = reader->line;
		reader->error->column = 1;
	}
	return -EINVAL;
}

static int out_of_memory(const struct reader *reader)
{
	return sluice_error_set(reader->error, -ENOMEM, "memory is short");
}

static int make_room(struct reader *reader)
{
	size_t room = reader->room ? 2 * reader->room : 1024;
	char *text = realloc(reader->text, room);

	if (!text)
		return out_of_memory(reader);
	reader->text = text;
	reader->room = room;
	return 0;
}

/* The next line, whole and without its end; -ENODATA: there is none. */
static int read_line(struct reader *reader)
{
	int byte, err;

	reader->length = 0;
	reader->line++;
	while ((byte = getc_unlocked(reader->stream)) != EOF && byte != '\n') {
		if (reader->length == LINE_MAX_BYTES)
			return wrong(reader, "the line is longer than 4 MiB");
		err = reader->length < reader->room ? 0 : make_room(reader);
		if (err)
			return err;
		reader->text[reader->length++] = (char)byte;
	}
	if (ferror(reader->stream))
		return sluice_error_set(reader->error, -EIO, "can not read %.200s: %s",
					reader->name, strerror(errno));
	if (byte != EOF)
		return 0;
	return reader->length ? wrong(reader, "the file was cut off within this line") : -ENODATA;
}

static int read_json(struct reader *reader, json_t **json)
{
	json_error_t why;
	int err = read_line(reader);

	if (err == -ENODATA)
		return wrong(reader, "the file was cut off: its last line is {\"flows\":N}");
	if (err)
		return err;
	*json = json_loadb(reader->text ? reader->text : "", reader->length,
			   JSON_REJECT_DUPLICATES, &why);
	if (!*json)
		return wrong(reader, "not JSON: %.200s", why.text);
	return json_is_object(*json) ? 0 : wrong(reader, "not a JSON object");
}

/* --- values --------------------------------------------------------------------------------- */

static int check_number(const struct reader *reader, const char *key, json_int_t number,
			json_int_t most)
{
	return number >= 0 && number <= most ?
		       0 :
		       wrong(reader, "%s: %lld is not 0 to %lld", key, (long long)number,
			     (long long)most);
}

static int read_address(const struct reader *reader, const char *key, const char *text,
			struct ip_address *address)
{
	struct sluice_error why = { 0 };

	return text_parse_address(text, address, &why) ? wrong(reader, "%s: %s", key, why.message)
						       : 0;
}

static int read_name(const struct reader *reader, const char *key, const char *text, char name[64])
{
	struct sluice_error why = { 0 };

	if (text_check_name(text, &why))
		return wrong(reader, "%s: %s", key, why.message);
	snprintf(name, 64, "%s", text);
	return 0;
}

/* --- the head ------------------------------------------------------------------------------- */

static int read_addresses(const struct reader *reader, json_t *list, struct sluice_moved_port *port)
{
	size_t index;
	json_t *item;

	if (!json_is_array(list) || json_array_size(list) > ADDRESSES_MAX)
		return wrong(reader, "addresses is no list, or one of more than %d", ADDRESSES_MAX);
	port->addresses = calloc(json_array_size(list) + 1, sizeof(*port->addresses));
	if (!port->addresses)
		return out_of_memory(reader);
	json_array_foreach(list, index, item) {
		int err = json_is_string(item) ? read_address(reader, "addresses",
							      json_string_value(item),
							      &port->addresses[index])
					       : wrong(reader, "addresses: not a text");

		if (err)
			return err;
		port->address_count++;
	}
	return 0;
}

static int read_port(const struct reader *reader, json_t *json, struct sluice_moved *moved)
{
	struct sluice_moved_port *port = &moved->ports[moved->port_count++];
	const char *name, *vnet, *mac;
	struct sluice_error cause = { 0 };
	json_error_t why;
	json_t *addresses;
	int err;

	if (json_unpack_ex(json, &why, JSON_STRICT, "{ss ss ss so}", "name", &name, "vnet", &vnet,
			   "mac", &mac, "addresses", &addresses))
		return wrong(reader, "a port: %.200s", why.text);
	err = read_name(reader, "name", name, port->name)
		      ?: read_name(reader, "vnet", vnet, port->vnet)
		      ?: read_addresses(reader, addresses, port);
	if (!err && text_parse_mac(mac, port->mac, &cause))
		err = wrong(reader, "mac: %s", cause.message);
	for (size_t i = 0; !err && i + 1 < moved->port_count; i++)
		if (!strcmp(moved->ports[i].name, port->name))
			err = wrong(reader, "port %s is there twice", port->name);
	return err;
}

static int read_ports(const struct reader *reader, json_t *list, struct sluice_moved *moved)
{
	size_t index;
	json_t *item;
	int err = 0;

	if (!json_is_array(list) || json_array_size(list) > SLUICE_MAX_PORTS)
		return wrong(reader, "ports is no list, or one of more than %d", SLUICE_MAX_PORTS);
	moved->ports = calloc(json_array_size(list) + 1, sizeof(*moved->ports));
	if (!moved->ports)
		return out_of_memory(reader);
	json_array_foreach(list, index, item)
		err = err ?: read_port(reader, item, moved);
	return err;
}

static int read_head(struct reader *reader, struct sluice_moved *moved)
{
	json_int_t format, time;
	json_t *json = NULL, *ports;
	const char *name;
	json_error_t why;
	int err = read_json(reader, &json);

	if (!err && json_unpack_ex(json, &why, 0, "{sI}", "sluiceFlows", &format))
		err = wrong(reader, "these are no exported flows: %.200s", why.text);
	if (!err && format != SLUICE_FLOWS_FORMAT)
		err = wrong(reader, "they are of format %lld, and this build reads format %d",
			    (long long)format, SLUICE_FLOWS_FORMAT);
	if (!err && json_unpack_ex(json, &why, JSON_STRICT, "{sI ss sI so}", "sluiceFlows", &format,
				   "switch", &name, "time", &time, "ports", &ports))
		err = wrong(reader, "%.200s", why.text);
	if (!err)
		err = check_number(reader, "time", time, INT64_MAX)
			      ?: read_name(reader, "switch", name, moved->switch_name)
			      ?: read_ports(reader, ports, moved);
	if (!err)
		moved->time = time;
	json_decref(json);
	return err;
}

/* --- a flow --------------------------------------------------------------------------------- */

/* A line's values before they are looked at. */
struct line {
	const char *port[2];
	const char *protocol;
	const char *address[2];
	json_int_t number[2];
	const char *state;
	json_int_t packets[2];
	json_int_t bytes[2];
	json_int_t idle;
	json_int_t age;
	int keep;
	int fins[2];
	json_t *wants[2];
};

static int unpack_line(const struct reader *reader, json_t *json, struct line *line)
{
	json_error_t why;

	if (!json_unpack_ex(json, &why, JSON_STRICT,
			    "{s?s s?s ss ss sI ss sI ss s[II!] s[II!] sI sI sb s?[bb!] s?[oo!]}",
			    "from", &line->port[0], "to", &line->port[1], "protocol",
			    &line->protocol, "source", &line->address[0], "sourcePort",
			    &line->number[0], "destination", &line->address[1], "destinationPort",
			    &line->number[1], "state", &line->state, "packets", &line->packets[0],
			    &line->packets[1], "bytes", &line->bytes[0], &line->bytes[1],
			    "idleSeconds", &line->idle, "ageSeconds", &line->age, "keep",
			    &line->keep, "fins", &line->fins[0], &line->fins[1], "wants",
			    &line->wants[0], &line->wants[1]))
		return 0;
	return wrong(reader, "%.200s", why.text);
}

static int find_port(const struct reader *reader, const struct sluice_moved *moved,
		     const char *name, int *port)
{
	*port = -1;
	if (!name)
		return 0;
	for (size_t i = 0; i < moved->port_count; i++)
		if (!strcmp(moved->ports[i].name, name)) {
			*port = (int)i;
			return 0;
		}
	return wrong(reader, "port \"%.64s\" is not among the ports of the first line", name);
}

static int read_ends(const struct reader *reader, const struct sluice_moved *moved,
		     const struct line *line, struct sluice_moved_flow *flow)
{
	static const char *const addresses[] = { "source", "destination" };
	static const char *const numbers[] = { "sourcePort", "destinationPort" };

	for (int end = 0; end < 2; end++) {
		int err = find_port(reader, moved, line->port[end], &flow->port[end])
				  ?: read_address(reader, addresses[end], line->address[end],
						  &flow->address[end])
				  ?: check_number(reader, numbers[end], line->number[end], 65535);

		if (err)
			return err;
		flow->number[end] = line->number[end];
	}
	if (sluice_address_is_ipv4(&flow->address[0]) != sluice_address_is_ipv4(&flow->address[1]))
		return wrong(reader, "source and destination are not of the same IP version");
	if (!memcmp(&flow->address[0], &flow->address[1], sizeof(flow->address[0])))
		return wrong(reader, "source and destination are the same");
	if (flow->port[0] < 0 && flow->port[1] < 0)
		return wrong(reader, "neither \"from\" nor \"to\" names a port");
	return 0;
}

/* The states that flows of a protocol can be in. */
static bool state_fits(int protocol, int state)
{
	switch (protocol) {
	case PROTOCOL_TCP:
		return state >= FLOW_SYN_SENT && state <= FLOW_CLOSED;
	case PROTOCOL_UDP:
		return state == FLOW_UDP_ONE_WAY || state == FLOW_UDP;
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		return state == FLOW_ICMP;
	}
	return state == FLOW_OTHER;
}

static int read_state(const struct reader *reader, const struct line *line,
		      struct sluice_moved_flow *flow)
{
	bool ipv4 = sluice_address_is_ipv4(&flow->address[0]);
	int protocol, state = 0;

	if (sluice_protocol_parse(line->protocol, &protocol) || protocol < 0)
		return wrong(reader, "protocol: \"%.64s\" is none", line->protocol);
	if (protocol == PROTOCOL_ICMP && !ipv4)
		protocol = PROTOCOL_ICMPV6;
	while (state < FLOW_STATE_COUNT && strcmp(line->state, sluice_flow_state_name(state)))
		state++;
	if (state == FLOW_STATE_COUNT || !state_fits(protocol, state))
		return wrong(reader, "state: \"%.64s\" is none of protocol %.64s", line->state,
			     line->protocol);
	flow->protocol = protocol;
	flow->state = state;
	return 0;
}

static int read_counts(const struct reader *reader, const struct line *line,
		       struct sluice_moved_flow *flow)
{
	for (int way = 0; way < 2; way++) {
		int err = check_number(reader, "packets", line->packets[way], INT64_MAX)
				  ?: check_number(reader, "bytes", line->bytes[way], INT64_MAX);

		if (err)
			return err;
		flow->packets[way] = line->packets[way];
		flow->bytes[way] = line->bytes[way];
	}
	flow->keep = line->keep;
	flow->idle_seconds = line->idle;
	flow->age_seconds = line->age;
	/* An age is as many ticks as half of the clock can tell apart. */
	return check_number(reader, "idleSeconds", line->idle, flow_idle_seconds[flow->state])
		       ?: check_number(reader, "ageSeconds", line->age,
				       INT32_MAX / FLOW_TICKS_PER_SECOND);
}

static int read_tcp(const struct reader *reader, const struct line *line,
		    struct sluice_moved_flow *flow)
{
	bool is_tcp = flow->protocol == PROTOCOL_TCP;

	if (is_tcp != !!line->wants[0] || (is_tcp && (line->fins[0] < 0 || line->fins[1] < 0)) ||
	    (!is_tcp && (line->fins[0] >= 0 || line->fins[1] >= 0)))
		return wrong(reader, "\"fins\" and \"wants\" are what TCP has, both of them");
	for (int end = 0; is_tcp && end < 2; end++) {
		json_int_t number = json_integer_value(line->wants[end]);

		if (!json_is_integer(line->wants[end]) && !json_is_null(line->wants[end]))
			return wrong(reader, "wants: not a number or null");
		if (check_number(reader, "wants", number, UINT32_MAX))
			return -EINVAL;
		flow->tcp_ack[end] = number;
		flow->tcp_acks |= json_is_integer(line->wants[end]) << end;
		flow->tcp_fins |= line->fins[end] << end;
	}
	return 0;
}

static int read_flow(const struct reader *reader, json_t *json, const struct sluice_moved *moved,
		     struct sluice_moved_flow *flow)
{
	struct line line = { .fins = { -1, -1 } };

	return unpack_line(reader, json, &line)
		       ?: read_ends(reader, moved, &line, flow)
		       ?: read_state(reader, &line, flow)
		       ?: read_counts(reader, &line, flow)
		       ?: read_tcp(reader, &line, flow);
}

/* --- the file ------------------------------------------------------------------------------- */

/* A flow's line, appended. */
static int append_flow(const struct reader *reader, json_t *json, size_t most, size_t *room,
		       struct sluice_moved *moved)
{
	struct sluice_moved_flow *flows = moved->flows;
	int err;

	if (moved->flow_count == most) {
		wrong(reader, "these are more than the %zu flows there is room for", most);
		return -E2BIG;
	}
	if (moved->flow_count == *room) {
		*room = *room ? 2 * *room : 64;
		flows = realloc(flows, *room * sizeof(*flows));
		if (!flows)
			return out_of_memory(reader);
		moved->flows = flows;
	}
	memset(&flows[moved->flow_count], 0, sizeof(*flows));
	err = read_flow(reader, json, moved, &flows[moved->flow_count]);
	moved->flow_count += !err;
	return err;
}

static int read_end(struct reader *reader, json_t *json, const struct sluice_moved *moved)
{
	json_error_t why;
	json_int_t count;
	int err;

	if (json_unpack_ex(json, &why, JSON_STRICT, "{sI}", "flows", &count))
		return wrong(reader, "%.200s", why.text);
	if (count < 0 || (size_t)count != moved->flow_count)
		return wrong(reader, "it says that there are %lld flows, and there are %zu",
			     (long long)count, moved->flow_count);
	err = read_line(reader);
	if (err == -ENODATA)
		return 0;
	return err ?: wrong(reader, "something comes after the last line");
}

static int read_flows(struct reader *reader, size_t most, struct sluice_moved *moved)
{
	size_t room = 0;
	bool end = false;
	int err = 0;

	while (!err && !end) {
		json_t *json = NULL;

		err = read_json(reader, &json);
		end = !err && json_object_get(json, "flows");
		if (!err)
			err = end ? read_end(reader, json, moved)
				  : append_flow(reader, json, most, &room, moved);
		json_decref(json);
	}
	return err;
}

void sluice_moved_free(struct sluice_moved *moved)
{
	if (!moved)
		return;
	for (size_t i = 0; i < moved->port_count; i++)
		free(moved->ports[i].addresses);
	free(moved->ports);
	free(moved->flows);
	free(moved);
}

int sluice_moved_read(FILE *stream, const char *name, size_t most, struct sluice_moved **moved,
		      struct sluice_error *error)
{
	struct reader reader = { .stream = stream, .name = name, .error = error };
	struct sluice_moved *read = calloc(1, sizeof(*read));
	int err = read ? read_head(&reader, read) : out_of_memory(&reader);

	if (!err)
		err = read_flows(&reader, most, read);
	free(reader.text);
	if (err)
		sluice_moved_free(read);
	else
		*moved = read;
	return err;
}
