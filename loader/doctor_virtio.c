/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The doctor's look at a virtio NIC: what the hypervisor has fixed so that native XDP is refused.
 */
#include <string.h>

#include "loader/doctor.h"

/* Feature bits of virtio-net (virtio 1.2, 5.1.3). */
#define GUEST_CSUM          1
#define CTRL_GUEST_OFFLOADS 2

static const struct {
	unsigned int bit;
	const char *option; /* of QEMU's -device virtio-net-pci */
} refused[] = {
	{ GUEST_CSUM, "guest_csum" }, { 7, "guest_tso4" }, { 8, "guest_tso6" },
	{ 9, "guest_ecn" },           { 10, "guest_ufo" }, { 54, "guest_uso4" },
	{ 55, "guest_uso6" },
};

struct search {
	const struct survey *survey;
	const char *address;
	char features[128]; /* a '0' or '1' for each bit, bit 0 first */
};

static bool read_features(const char *entry, void *context)
{
	struct search *search = context;

	return strncmp(entry, "virtio", strlen("virtio")) ||
	       !survey_text(search->survey, search->features, sizeof(search->features),
			    "/sys/bus/pci/devices/%s/%s/features", search->address, entry);
}

static bool has(const char *features, unsigned int bit)
{
	return bit < strlen(features) && features[bit] == '1';
}

void doctor_virtio(struct survey *survey, const char *device, const char *address)
{
	struct search search = { .survey = survey, .address = address };
	char options[128] = "", remedy[224];
	size_t length = 0;

	survey_each(survey, read_features, &search, "/sys/bus/pci/devices/%s", address);
	/* With this one the driver switches them off itself when a program comes. */
	if (has(search.features, CTRL_GUEST_OFFLOADS))
		return;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (has(search.features, refused[i].bit))
			length += (size_t)snprintf(options + length, sizeof(options) - length,
						   ",%s=off", refused[i].option);
	if (!length)
		return;
	snprintf(remedy, sizeof(remedy), "qemu-system-x86_64 ... -device virtio-net-pci,...%s",
		 options);
	device_finding_add(
		survey, device, SLUICE_SLOWER, "virtio offloads", remedy,
		"the hypervisor fixes GRO_HW/CSUM on, so the driver refuses native XDP; tc "
		"is used. It can be allowed on the hypervisor only");
}
