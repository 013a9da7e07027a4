/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses, prefixes, ranges, ports and MACs to and from text. Each text_parse_* takes the whole
 * string or fails with -EINVAL and one sentence that quotes it; the *_text ones are canonical, so
 * that what was parsed and written parses to the same again.
 */
#ifndef SLUICE_LOADER_TEXT_H
#define SLUICE_LOADER_TEXT_H

#include "loader/sluice.h"

/* Holds any text made here: two IPv6 addresses, a dash and the end. */
#define TEXT_MAX 96

/* What address must hold between calls of memcmp: addresses compare as numbers. */
int address_compare(const struct ip_address *a, const struct ip_address *b);
/* The last address of the block of `length` leading bits (of 128) that holds address. */
struct ip_address address_block_last(const struct ip_address *address, unsigned int length);
struct ip_address address_block_first(const struct ip_address *address, unsigned int length);
/* The same two for a prefix of the document. */
struct ip_address prefix_first(const struct sluice_prefix *prefix);
struct ip_address prefix_last(const struct sluice_prefix *prefix);
/* Orders prefixes so that what lies inside another one comes after it. IPv4 before IPv6: in numbers the
 * IPv4 block lies inside ::/8, which does not mean it. */
int prefix_compare(const struct sluice_prefix *a, const struct sluice_prefix *b);

int text_parse_address(const char *text, struct ip_address *address, struct sluice_error *error);
int text_parse_prefix(const char *text, struct sluice_prefix *prefix, struct sluice_error *error);
const char *text_prefix(const struct sluice_prefix *prefix, char *text);
/* An address, a prefix or a-b, and its canonical text (TEXT_MAX bytes). */
int text_parse_range(const char *text, struct ip_address *first, struct ip_address *last,
		     char *canonical, struct sluice_error *error);
/* Whether text is meant as a range of addresses and not as a name: it has a slash or a colon, or
 * is made of digits, dots and dashes only. Names of tags are kept out of that by validation. */
bool text_is_range(const char *text);
/* A port or a-b. */
int text_parse_ports(const char *text, struct sluice_port_range *ports, struct sluice_error *error);
const char *text_ports(const struct sluice_port_range *ports, char *text);
int text_parse_mac(const char *text, unsigned char mac[6], struct sluice_error *error);
const char *text_mac(const unsigned char mac[6], char *text);
/* Decimal digits only, low..high. */
int text_parse_number(const char *text, unsigned long low, unsigned long high,
		      unsigned long *number, struct sluice_error *error);
/* A name: [A-Za-z0-9_][A-Za-z0-9_.-]*, at most 63 bytes. */
int text_check_name(const char *text, struct sluice_error *error);
/* 192.0.2.1:443 or [2001:db8::1]:443 (text_service.c). */
int text_parse_frontend(const char *text, struct sluice_frontend *frontend,
			struct sluice_error *error);
const char *text_frontend(const struct sluice_frontend *frontend, char *text);
/* NAME:PORT. */
int text_parse_target(const char *text, char name[64], __u16 *port, struct sluice_error *error);
/* IFNAME, or NETNS/IFNAME when netns is true. */
int text_check_device(const char *text, bool netns, struct sluice_error *error);

#endif
