/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which port a device is, and which ports the VFs of a device are: buckets by ifindex (maps/tables.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/compiler.h"

static bool entries_fit(const struct device_entry *entries, size_t count, __u32 mask, __u8 *fill)
{
	memset(fill, 0, (size_t)mask + 1);
	for (size_t i = 0; i < count; i++)
		if (fill[entries[i].ifindex & mask]++ == DEVICES_PER_BUCKET)
			return false;
	return true;
}

/* The smallest number of buckets in which none overflows. */
static int choose_buckets(struct compiler *compiler, const struct device_entry *entries,
			  size_t entry_count, __u32 *count)
{
	for (*count = 1; *count <= compiler->tables->count; *count *= 2) {
		__u8 *fill = malloc(*count);
		bool fits;

		if (!fill)
			return compiler_no_memory(compiler);
		fits = entries_fit(entries, entry_count, *count - 1, fill);
		free(fill);
		if (fits)
			return 0;
	}
	return sluice_error_set(compiler->error, -ENOSPC,
				"the table has no room for the devices of the ports");
}

static int lay_entry(struct compiler *compiler, struct device_bucket *bucket,
		     const struct device_entry *entry)
{
	int at = 0;

	for (; bucket->entry[at].ifindex; at++)
		if (bucket->entry[at].ifindex == entry->ifindex)
			return sluice_error_set(
				compiler->error, -EINVAL,
				"port %s and port %s have the same device; give each its own",
				ids_key(compiler->slots, bucket->entry[at].slot),
				ids_key(compiler->slots, entry->slot));
	bucket->entry[at] = *entry;
	return 0;
}

int lay_buckets(struct compiler *compiler, const struct device_entry *entries, size_t count,
		__u32 *first, __u32 *mask)
{
	struct device_bucket *buckets;
	__u32 bucket_count;
	int result = choose_buckets(compiler, entries, count, &bucket_count);

	if (result)
		return result;
	*first = compiler_take(compiler, bucket_count);
	if (!*first)
		return -ENOSPC;
	*mask = bucket_count - 1;
	buckets = tables_line(compiler->tables, *first);
	for (size_t i = 0; i < count && !result; i++)
		result = lay_entry(compiler, &buckets[entries[i].ifindex & *mask], &entries[i]);
	return result;
}

/* A port admits what its devices send only when it has an address to send from. */
static bool admits(const struct compiler *compiler, size_t port)
{
	return compiler->config->ports[port].address_count;
}

static int lay_port_devices(struct compiler *compiler, struct device_entry *entries,
			    struct root *root)
{
	size_t count = 0;

	for (size_t i = 0; i < compiler->config->port_count; i++) {
		const struct placement *placement = &compiler->placements[i];
		__u16 slot = (__u16)compiler->port_slot[i];

		if (!admits(compiler, i))
			continue;
		if (placement->ifindex)
			entries[count++] = (struct device_entry){
				.ifindex = placement->ifindex, .slot = slot };
		if (placement->second)
			entries[count++] = (struct device_entry){
				.ifindex = placement->second, .slot = slot, .second = 1 };
	}
	return lay_buckets(compiler, entries, count, &root->devices, &root->device_mask);
}

/* --- VFs --- */

/* The line of the slots of a device's VFs, taken when it is first asked for. 0 and the error filled:
 * there is no room. */
static __u32 slots_of(struct compiler *compiler, struct device_entry *entries, size_t *count,
		      __u32 ifindex)
{
	for (size_t i = 0; i < *count; i++)
		if (entries[i].ifindex == ifindex)
			return entries[i].functions;
	entries[*count] = (struct device_entry){
		.ifindex = ifindex, .functions = compiler_take(compiler, FUNCTION_LINES) };
	return entries[(*count)++].functions;
}

static int lay_slot(struct compiler *compiler, __u32 line, const struct function *function,
		    __u32 slot)
{
	struct function_slots *slots = tables_line(compiler->tables, line);
	__u16 *place = &slots[function->number / FUNCTIONS_PER_LINE]
				.slot[function->number % FUNCTIONS_PER_LINE];

	if (*place)
		return sluice_error_set(compiler->error, -EINVAL,
					"port %s and port %s have the same VF; give each its own",
					ids_key(compiler->slots, *place),
					ids_key(compiler->slots, slot));
	*place = (__u16)slot;
	return 0;
}

static int lay_functions(struct compiler *compiler, struct device_entry *entries, struct root *root)
{
	size_t count = 0;
	int result = 0;

	for (size_t i = 0; i < compiler->config->port_count && !result; i++) {
		const struct function *function = &compiler->placements[i].function;
		__u32 line;

		if (!function->ifindex || !admits(compiler, i))
			continue;
		line = slots_of(compiler, entries, &count, function->ifindex);
		result = line ? lay_slot(compiler, line, function, compiler->port_slot[i]) : -ENOSPC;
	}
	if (result || !count)
		return result;
	return lay_buckets(compiler, entries, count, &root->functions, &root->function_mask);
}

int compile_devices(struct compiler *compiler, struct root *root)
{
	struct device_entry *entries =
		calloc(2 * compiler->config->port_count + 1, sizeof(*entries));
	int result;

	if (!entries)
		return compiler_no_memory(compiler);
	result = lay_port_devices(compiler, entries, root) ?:
		 lay_functions(compiler, entries, root);
	free(entries);
	return result;
}
