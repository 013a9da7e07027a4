// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where a service is asked for, and who serves it: ADDRESS:PORT and NAME:PORT, to and from text.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "loader/text.h"

/* The number behind the last colon; *length: of what stands before that. */
static int parse_number(const char *text, size_t *length, __u16 *port, struct sluice_error *error)
{
	const char *colon = strrchr(text, ':');
	unsigned long number;

	if (!colon || text_parse_number(colon + 1, 1, 65535, &number, NULL))
		return sluice_error_set(
			error, -EINVAL,
			"\"%.64s\" does not end with a colon and a port, 1 to 65535", text);
	*length = colon - text;
	*port = (__u16)number;
	return 0;
}

int text_parse_frontend(const char *text, struct sluice_frontend *frontend,
			struct sluice_error *error)
{
	struct sluice_frontend parsed = { 0 };
	char address[TEXT_MAX];
	bool bracketed;
	size_t length;
	int code = parse_number(text, &length, &parsed.port, error);

	if (code)
		return code;
	bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
	if (bracketed) {
		text++;
		length -= 2;
	}
	snprintf(address, sizeof(address), "%.*s", (int)(length < TEXT_MAX ? length : TEXT_MAX),
		 text);
	code = text_parse_address(address, &parsed.address, error);
	if (!code && bracketed == sluice_address_is_ipv4(&parsed.address))
		return sluice_error_set(
			error, -EINVAL,
			"write IPv4 as 192.0.2.1:443 and IPv6 as [2001:db8::1]:443");
	if (!code)
		*frontend = parsed;
	return code;
}

const char *text_frontend(const struct sluice_frontend *frontend, char *text)
{
	char address[TEXT_MAX];
	bool ipv4 = sluice_address_is_ipv4(&frontend->address);

	sluice_address_text(&frontend->address, address);
	snprintf(text, TEXT_MAX, "%s%.64s%s:%u", ipv4 ? "" : "[", address, ipv4 ? "" : "]",
		 frontend->port);
	return text;
}

int text_parse_target(const char *text, char name[64], __u16 *port, struct sluice_error *error)
{
	size_t length;
	__u16 number;
	int code = parse_number(text, &length, &number, error);

	if (code)
		return code;
	if (length > 63)
		return sluice_error_set(error, -EINVAL, "\"%.64s\" has a name longer than 63",
					text);
	memcpy(name, text, length);
	name[length] = '\0';
	code = text_check_name(name, error);
	if (!code)
		*port = number;
	return code;
}
