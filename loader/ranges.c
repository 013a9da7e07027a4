/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of addresses; see ranges.h. */
#include "loader/ranges.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

address_number address_to_number(const struct ip_address *address)
{
	return (address_number)be64toh(address->halves[0]) << 64 | be64toh(address->halves[1]);
}

struct ip_address number_to_address(address_number number)
{
	struct ip_address address;

	address.halves[0] = htobe64((__u64)(number >> 64));
	address.halves[1] = htobe64((__u64)number);
	return address;
}

struct address_range prefix_range(const struct sluice_prefix *prefix)
{
	unsigned int host_bits = (prefix->ipv6 ? 128 : 32) - prefix->length;
	address_number low = address_to_number(&prefix->address);
	address_number hosts =
		host_bits == 128 ? ~(address_number)0 : ((address_number)1 << host_bits) - 1;

	return (struct address_range){ number_to_address(low & ~hosts),
				       number_to_address(low | hosts) };
}

size_t range_of_family(const struct address_range *range, struct address_range parts[2])
{
	const address_number ipv4_first = (address_number)0xffff << 32;
	const address_number ipv4_last = ipv4_first | 0xffffffff;

	parts[0] = *range;
	if (address_to_number(&range->first) >= ipv4_first ||
	    address_to_number(&range->last) <= ipv4_last)
		return 1;
	parts[1] = *range;
	parts[0].last = number_to_address(ipv4_first - 1);
	parts[1].first = number_to_address(ipv4_last + 1);
	return 2;
}

int ranges_add(struct ranges *ranges, const struct address_range *range)
{
	if (ranges->count == ranges->room) {
		size_t room = ranges->room ? 2 * ranges->room : 8;
		struct address_range *more = reallocarray(ranges->range, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		ranges->range = more;
		ranges->room = room;
	}
	ranges->range[ranges->count++] = *range;
	return 0;
}

int ranges_add_written(struct ranges *ranges, const struct address_range *range)
{
	struct address_range parts[2];
	size_t count = range_of_family(range, parts);
	int result = 0;

	for (size_t i = 0; i < count && !result; i++)
		result = ranges_add(ranges, &parts[i]);
	return result;
}

int ranges_add_all(struct ranges *ranges, const struct ranges *more)
{
	int result = 0;

	for (size_t i = 0; i < more->count && !result; i++)
		result = ranges_add(ranges, &more->range[i]);
	return result;
}

/* Network order compares as bytes. */
static int compare_first(const void *a, const void *b)
{
	return memcmp(&((const struct address_range *)a)->first,
		      &((const struct address_range *)b)->first, sizeof(struct ip_address));
}

/* Whether a range that begins at `first` overlaps or touches one that ends at `last`. */
static bool reaches(const struct ip_address *last, const struct ip_address *first)
{
	address_number end = address_to_number(last);

	return end == ~(address_number)0 || address_to_number(first) <= end + 1;
}

void ranges_normalize(struct ranges *ranges)
{
	size_t kept = 0;

	if (!ranges->count)
		return;
	qsort(ranges->range, ranges->count, sizeof(*ranges->range), compare_first);
	for (size_t i = 1; i < ranges->count; i++) {
		struct address_range *into = &ranges->range[kept];
		const struct address_range *next = &ranges->range[i];

		if (!reaches(&into->last, &next->first))
			ranges->range[++kept] = *next;
		else if (memcmp(&next->last, &into->last, sizeof(next->last)) > 0)
			into->last = next->last;
	}
	ranges->count = kept + 1;
}

int ranges_complement(const struct ranges *of, struct ranges *complement)
{
	const address_number top = ~(address_number)0;
	address_number next = 0; /* the first address not yet decided */

	for (size_t i = 0; i < of->count; i++) {
		address_number first = address_to_number(&of->range[i].first);
		address_number last = address_to_number(&of->range[i].last);

		if (first > next) {
			struct address_range gap = { number_to_address(next),
						     number_to_address(first - 1) };
			int result = ranges_add(complement, &gap);

			if (result)
				return result;
		}
		if (last == top)
			return 0;
		next = last + 1;
	}
	return ranges_add(complement, &(struct address_range){ number_to_address(next),
							       number_to_address(top) });
}

void ranges_free(struct ranges *ranges)
{
	free(ranges->range);
	*ranges = (struct ranges){ 0 };
}
