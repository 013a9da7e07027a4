/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of addresses as lists of ranges.
 *
 * A set is normal when its ranges are in ascending order and neither overlap nor touch; that is
 * the shortest list that says it. IPv4 lies inside IPv6 as ::ffff:0:0/96, so that one set holds
 * both families and a complement is taken over both at once.
 */
#ifndef SLUICE_LOADER_RANGES_H
#define SLUICE_LOADER_RANGES_H

#include "loader/classifier.h"

typedef unsigned __int128 address_number; /* an address in host order */

struct ranges {
	struct address_range *range;
	size_t count;
	size_t room;
};

address_number address_to_number(const struct ip_address *address);
struct ip_address number_to_address(address_number number);
/* The addresses of a prefix, in v4-mapped form for IPv4. */
struct address_range prefix_range(const struct sluice_prefix *prefix);
/* A range without what is the other family's: IPv4 lies in the midst of ::/0, but whoever writes
 * ::/0 means IPv6 only. Fills one or two ranges and returns how many. */
size_t range_of_family(const struct address_range *range, struct address_range parts[2]);

/* Appends; the set is normal again only after ranges_normalize. -ENOMEM. */
int ranges_add(struct ranges *ranges, const struct address_range *range);
/* Appends what range_of_family() leaves of a range that a person wrote. */
int ranges_add_written(struct ranges *ranges, const struct address_range *range);
int ranges_add_all(struct ranges *ranges, const struct ranges *more);
void ranges_normalize(struct ranges *ranges);
/* Every address that the normal set `of` does not hold; *complement is empty before. */
int ranges_complement(const struct ranges *of, struct ranges *complement);
void ranges_free(struct ranges *ranges);

#endif
