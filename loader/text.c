// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses and their kin to and from text.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "loader/text.h"

static const unsigned char mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

bool sluice_address_is_ipv4(const struct ip_address *address)
{
	return !memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix));
}

const char *sluice_address_text(const struct ip_address *address, char *text)
{
	if (sluice_address_is_ipv4(address))
		return inet_ntop(AF_INET, address->bytes + 12, text, INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, address->bytes, text, INET6_ADDRSTRLEN);
}

int sluice_address_parse(const char *text, struct ip_address *address)
{
	struct ip_address parsed;

	memcpy(parsed.bytes, mapped_prefix, sizeof(mapped_prefix));
	if (inet_pton(AF_INET, text, parsed.bytes + 12) != 1) {
		if (inet_pton(AF_INET6, text, parsed.bytes) != 1)
			return -EINVAL;
		/* ::ffff:10.1.1.4 would be a second name of 10.1.1.4. */
		if (sluice_address_is_ipv4(&parsed))
			return -EINVAL;
	}
	*address = parsed;
	return 0;
}

int address_compare(const struct ip_address *a, const struct ip_address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static struct ip_address block_end(const struct ip_address *address, unsigned int length,
				   unsigned char host_bits)
{
	struct ip_address end = *address;

	for (unsigned int i = 0; i < sizeof(end.bytes); i++) {
		unsigned int kept = length > 8 * i ? length - 8 * i : 0;
		unsigned char mask = kept >= 8 ? 0 : 0xff >> kept;

		end.bytes[i] = (end.bytes[i] & ~mask) | (host_bits & mask);
	}
	return end;
}

struct ip_address address_block_first(const struct ip_address *address, unsigned int length)
{
	return block_end(address, length, 0);
}

struct ip_address address_block_last(const struct ip_address *address, unsigned int length)
{
	return block_end(address, length, 0xff);
}

struct ip_address prefix_first(const struct sluice_prefix *prefix)
{
	return prefix->address;
}

struct ip_address prefix_last(const struct sluice_prefix *prefix)
{
	return address_block_last(&prefix->address, prefix->length + (prefix->ipv6 ? 0 : 96));
}

int prefix_compare(const struct sluice_prefix *a, const struct sluice_prefix *b)
{
	int order = (int)a->ipv6 - (int)b->ipv6;

	if (!order)
		order = address_compare(&a->address, &b->address);
	return order ? order : (int)a->length - (int)b->length;
}

int text_parse_number(const char *text, unsigned long low, unsigned long high,
		      unsigned long *number, struct sluice_error *error)
{
	size_t length = strlen(text);
	unsigned long parsed;

	/* A leading zero means octal to some readers of YAML; it is not guessed at here. */
	if (!length || strspn(text, "0123456789") != length || (length > 1 && text[0] == '0'))
		return sluice_error_set(error, -EINVAL, "\"%.64s\" is not a number", text);
	errno = 0;
	parsed = strtoul(text, NULL, 10);
	if (errno || parsed < low || parsed > high)
		return sluice_error_set(error, -EINVAL, "%.64s is not within %lu to %lu", text, low,
					high);
	*number = parsed;
	return 0;
}

int text_parse_address(const char *text, struct ip_address *address, struct sluice_error *error)
{
	struct ip_address mapped;

	if (!sluice_address_parse(text, address))
		return 0;
	if (inet_pton(AF_INET6, text, mapped.bytes) == 1) {
		char ipv4[INET6_ADDRSTRLEN];

		return sluice_error_set(error, -EINVAL,
					"\"%.64s\" is an IPv4 address written as IPv6; write %s",
					text, sluice_address_text(&mapped, ipv4));
	}
	return sluice_error_set(error, -EINVAL, "\"%.64s\" is not an IPv4 or IPv6 address", text);
}

int text_parse_prefix(const char *text, struct sluice_prefix *prefix, struct sluice_error *error)
{
	const char *slash = strchr(text, '/');
	struct sluice_prefix parsed = { 0 };
	char address[INET6_ADDRSTRLEN];
	struct ip_address whole;
	unsigned long length;

	if (!slash)
		return sluice_error_set(error, -EINVAL,
					"\"%.64s\" is not a prefix; write one like 10.1.0.0/16 or "
					"fd00:1::/48",
					text);
	if ((size_t)(slash - text) >= sizeof(address))
		return sluice_error_set(error, -EINVAL, "\"%.64s\" is not a prefix", text);
	memcpy(address, text, slash - text);
	address[slash - text] = '\0';
	if (text_parse_address(address, &whole, error))
		return -EINVAL;
	parsed.ipv6 = !sluice_address_is_ipv4(&whole);
	if (text_parse_number(slash + 1, 0, parsed.ipv6 ? 128 : 32, &length, NULL))
		return sluice_error_set(
			error, -EINVAL, "\"%.64s\": the prefix length of %s is within 0 to %d",
			text, parsed.ipv6 ? "IPv6" : "IPv4", parsed.ipv6 ? 128 : 32);
	parsed.length = length;
	parsed.address = address_block_first(&whole, length + (parsed.ipv6 ? 0 : 96));
	if (address_compare(&parsed.address, &whole)) {
		char right[TEXT_MAX];

		return sluice_error_set(error, -EINVAL, "\"%.64s\" has host bits set; write %s",
					text, text_prefix(&parsed, right));
	}
	*prefix = parsed;
	return 0;
}

const char *text_prefix(const struct sluice_prefix *prefix, char *text)
{
	char address[INET6_ADDRSTRLEN];

	snprintf(text, TEXT_MAX, "%s/%u", sluice_address_text(&prefix->address, address),
		 prefix->length);
	return text;
}

bool text_is_range(const char *text)
{
	return strpbrk(text, "/:") || text[strspn(text, "0123456789.-")] == '\0';
}

static int parse_from_to(const char *text, const char *dash, struct ip_address *first,
			 struct ip_address *last, struct sluice_error *error)
{
	char from[INET6_ADDRSTRLEN];

	if ((size_t)(dash - text) >= sizeof(from))
		return sluice_error_set(error, -EINVAL, "\"%.64s\" is not an address range", text);
	memcpy(from, text, dash - text);
	from[dash - text] = '\0';
	if (text_parse_address(from, first, error) || text_parse_address(dash + 1, last, error))
		return -EINVAL;
	if (sluice_address_is_ipv4(first) != sluice_address_is_ipv4(last))
		return sluice_error_set(error, -EINVAL,
					"\"%.96s\" mixes IPv4 and IPv6; write two ranges", text);
	if (address_compare(first, last) > 0)
		return sluice_error_set(
			error, -EINVAL,
			"\"%.96s\" ends before it begins; write the lower address first", text);
	return 0;
}

int text_parse_range(const char *text, struct ip_address *first, struct ip_address *last,
		     char *canonical, struct sluice_error *error)
{
	const char *dash = strchr(text, '-');
	struct ip_address from, to;
	struct sluice_prefix prefix;
	char other[INET6_ADDRSTRLEN];

	if (dash) {
		if (parse_from_to(text, dash, &from, &to, error))
			return -EINVAL;
	} else if (strchr(text, '/')) {
		if (text_parse_prefix(text, &prefix, error))
			return -EINVAL;
		from = prefix_first(&prefix);
		to = prefix_last(&prefix);
	} else {
		if (text_parse_address(text, &from, error))
			return -EINVAL;
		to = from;
	}
	*first = from;
	*last = to;
	if (!address_compare(&from, &to)) {
		sluice_address_text(&from, canonical);
	} else if (dash) {
		sluice_address_text(&from, canonical);
		strcat(strcat(canonical, "-"), sluice_address_text(&to, other));
	} else {
		text_prefix(&prefix, canonical);
	}
	return 0;
}

int text_parse_ports(const char *text, struct sluice_port_range *ports, struct sluice_error *error)
{
	const char *dash = strchr(text, '-');
	unsigned long first, last;
	char from[8];

	if (!dash) {
		if (text_parse_number(text, 0, 65535, &first, error))
			return -EINVAL;
		last = first;
	} else {
		size_t length = dash - text;

		if (length >= sizeof(from))
			return sluice_error_set(error, -EINVAL, "\"%.64s\" is not a port range",
						text);
		memcpy(from, text, length);
		from[length] = '\0';
		if (text_parse_number(from, 0, 65535, &first, error) ||
		    text_parse_number(dash + 1, 0, 65535, &last, error))
			return -EINVAL;
		if (first > last)
			return sluice_error_set(error, -EINVAL,
						"\"%.64s\" ends before it begins; write %lu-%lu",
						text, last, first);
	}
	ports->first = first;
	ports->last = last;
	return 0;
}

const char *text_ports(const struct sluice_port_range *ports, char *text)
{
	if (ports->first == ports->last)
		snprintf(text, TEXT_MAX, "%u", ports->first);
	else
		snprintf(text, TEXT_MAX, "%u-%u", ports->first, ports->last);
	return text;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

int text_parse_mac(const char *text, unsigned char mac[6], struct sluice_error *error)
{
	unsigned char parsed[6];
	bool right = strlen(text) == 17;

	for (int i = 0; right && i < 6; i++) {
		int high = hex_digit(text[3 * i]);
		int low = hex_digit(text[3 * i + 1]);

		right = high >= 0 && low >= 0 &&
			(i == 5 || text[3 * i + 2] == ':' || text[3 * i + 2] == '-');
		parsed[i] = right ? high << 4 | low : 0;
	}
	if (!right)
		return sluice_error_set(error, -EINVAL,
					"\"%.64s\" is not a MAC address; write it like "
					"52:54:00:12:34:56",
					text);
	memcpy(mac, parsed, sizeof(parsed));
	return 0;
}

const char *text_mac(const unsigned char mac[6], char *text)
{
	snprintf(text, TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return text;
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

int text_check_name(const char *text, struct sluice_error *error)
{
	size_t length = strlen(text);

	if (!length)
		return sluice_error_set(error, -EINVAL, "a name can not be empty");
	if (length > 63)
		return sluice_error_set(error, -EINVAL,
					"\"%.64s\" is too long; a name has at most 63 characters",
					text);
	if (!strspn(text, LETTERS) || strspn(text, LETTERS ".-") != length)
		return sluice_error_set(
			error, -EINVAL,
			"\"%.64s\" is not a name; use letters, digits, \"_\", \".\" and "
			"\"-\", a letter, digit or \"_\" first",
			text);
	return 0;
}

int text_check_device(const char *text, bool netns, struct sluice_error *error)
{
	const char *slash = netns ? strchr(text, '/') : NULL;
	const char *device = slash ? slash + 1 : text;
	size_t length = strlen(device);

	for (const char *c = text; *c; c++) {
		/* What the kernel refuses in a device's name, and what no message could show. */
		if (*c <= ' ' || *c > '~' || (*c == '/' && c != slash) ||
		    (*c == ':' && c >= device))
			return sluice_error_set(
				error, -EINVAL, "\"%.64s\" is not the name of a %s", text,
				netns ? "device; write IFNAME or NETNS/IFNAME" : "device");
	}
	if (!length || length > 15 || !strcmp(device, ".") || !strcmp(device, ".."))
		return sluice_error_set(
			error, -EINVAL,
			"\"%.64s\" is not a device's name, which has 1 to 15 characters", text);
	if (slash && (slash == text || slash - text > 63 || text[0] == '.'))
		return sluice_error_set(error, -EINVAL,
					"\"%.64s\": no network namespace has that name", text);
	return 0;
}

static const struct {
	const char *name;
	int number;
} protocols[] = {
	{ "Tcp", 6 },  { "Udp", 17 }, { "Icmp", 1 },
	{ "Esp", 50 }, { "Ah", 51 },  { "*", SLUICE_ANY },
};

const char *sluice_protocol_text(int protocol, char *text)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (protocols[i].number == protocol)
			return strcpy(text, protocols[i].name);
	}
	snprintf(text, 8, "%u", protocol & 0xffU);
	return text;
}

int sluice_protocol_parse(const char *text, int *protocol)
{
	unsigned long number;

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (!strcasecmp(protocols[i].name, text)) {
			*protocol = protocols[i].number;
			return 0;
		}
	}
	if (text_parse_number(text, 0, 255, &number, NULL))
		return -EINVAL;
	*protocol = number;
	return 0;
}
