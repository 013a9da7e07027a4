/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which VFs there are, whose they are, and VFs made and taken away. The kernel shows them in files of the
 * PCI device, whatever the namespace.
 */
#include "loader/function.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/state.h"
#include "loader/survey.h"

#define PCI "/sys/bus/pci/devices/%s"
#define MARK "vfs-"

static const struct survey host = { .root = "" };

const struct sluice_uplink *function_uplink(const struct sluice_config *config,
					    const struct sluice_port *port)
{
	if (!port->fast_device || port->acceleration == SLUICE_ACCELERATION_AF_XDP)
		return NULL;
	for (size_t i = 0; i < config->uplink_count; i++)
		if (!strcmp(config->uplinks[i].device, port->fast_device))
			return &config->uplinks[i];
	return NULL;
}

/* How many VFs a NIC has now. -1: it can have none. */
static long long count_at(const char *address)
{
	long long count;

	return address[0] && survey_number(&host, &count, PCI "/sriov_numvfs", address) ? count : -1;
}

struct vf {
	const char *address; /* of its NIC */
	unsigned int number;
	bool shut;
};

static bool is_shut(const char *entry, void *context)
{
	struct vf *vf = context;
	char flags[32];

	vf->shut = survey_text(&host, flags, sizeof(flags), PCI "/virtfn%u/net/%s/flags", vf->address,
			       vf->number, entry) && !(strtoul(flags, NULL, 16) & IFF_UP);
	return !vf->shut;
}

/* NULL when a guest has the VF, else why not. It needs a driver, the host's or one that hands it to a
 * virtual machine; and while a device of it lies here shut, no guest has taken that yet. */
static const char *not_in_use(const char *address, unsigned int number)
{
	struct vf vf = { address, number, false };
	char driver[64];

	if (!survey_has(&host, PCI "/virtfn%u", address, number))
		return "is not there";
	if (!survey_link(&host, driver, sizeof(driver), PCI "/virtfn%u/driver", address, number))
		return "has no driver";
	survey_each(&host, is_shut, &vf, PCI "/virtfn%u/net", address, number);
	return vf.shut ? "is not up" : NULL;
}

/* --- whose --- */

struct search {
	const struct sluice_config *config;
	const struct devices *devices;
	const struct attachments *running;
	struct attachments *attachments;
	bool tolerate_missing;
	struct sluice_error *error;
};

static bool is_taken(const struct search *search, __u32 ifindex, unsigned int number)
{
	for (size_t i = 0; i < search->config->port_count; i++) {
		const struct function *function = &search->attachments->list[i].placement.function;

		if (function->ifindex == ifindex && function->number == number)
			return true;
	}
	return false;
}

/* Which one the port has had, or -1. */
static int had_before(const struct search *search, const struct attachment *attachment,
		      __u32 ifindex)
{
	for (size_t i = 0; i < search->running->count; i++) {
		const struct attachment *old = &search->running->list[i];

		if (old->placement.function.ifindex == ifindex &&
		    !strcmp(old->owner, attachment->owner))
			return old->placement.function.number;
	}
	return -1;
}

/* Any that nobody has, the one it had before first. -1: none is left. */
static int choose(const struct search *search, const struct attachment *attachment, __u32 ifindex,
		  long long count)
{
	int before = had_before(search, attachment, ifindex);

	if (before >= 0 && !is_taken(search, ifindex, (unsigned int)before))
		return before;
	for (int i = 0; i < count; i++)
		if (!is_taken(search, ifindex, (unsigned int)i))
			return i;
	return -1;
}

static int refuse_missing(const struct search *search, const struct sluice_port *port,
			  long long count)
{
	if (count < 0)
		return sluice_error_set(search->error, -ENOTSUP,
					"port %s: %s makes no VFs, which acceleration.mode vf needs: "
					"its device or its driver has no SR-IOV, see 'sluice doctor %s'",
					port->name, port->fast_device, port->fast_device);
	if (port->vf == SLUICE_ANY)
		return sluice_error_set(search->error, -ENODEV,
					"port %s: each of the %lld VFs of %s is a port's already: say "
					"'vfs: N' at that uplink for more", port->name, count,
					port->fast_device);
	return sluice_error_set(search->error, -ENODEV,
				"port %s: %s has %lld VFs, none of which is VF %d: say 'vfs: N' at that "
				"uplink for more", port->name, port->fast_device, count, port->vf);
}

static void say_function(const struct sluice_port *port, struct attachment *attachment,
			 const char *state)
{
	struct placement *placement = &attachment->placement;
	char why[sizeof(placement->why)];

	if (placement->function.carries) {
		placement->delivery = DELIVERY_VF;
		placement->redirect_peer = false; /* the NIC is no veth */
		snprintf(placement->why, sizeof(placement->why),
			 "VF %u of %.20s: its frames pass the NIC only, VLAN %u",
			 placement->function.number, port->fast_device,
			 function_vlan(&placement->function));
		return;
	}
	snprintf(why, sizeof(why), "%s", placement->why);
	snprintf(placement->why, sizeof(placement->why), "VF %u of %.20s %s, %.90s",
		 placement->function.number, port->fast_device,
		 port->acceleration == SLUICE_ACCELERATION_OFF ? "switched off" : state, why);
}

static int resolve_port(const struct search *search, const struct sluice_uplink *uplink, size_t index)
{
	const struct sluice_port *port = &search->config->ports[index];
	struct attachment *attachment = &search->attachments->list[index];
	const struct device *device = device_by_name(search->devices, uplink->device);
	long long count;
	char address[32];
	const char *why;
	int number;

	if (!device) /* which the uplink says, where it matters */
		return 0;
	device_address(device, address);
	count = count_at(address);
	if (count >= 0 && count < uplink->vfs)
		count = uplink->vfs;
	number = port->vf == SLUICE_ANY ? choose(search, attachment, device->ifindex, count) : port->vf;
	if (number < 0 || number >= count) {
		if (!search->tolerate_missing && had_before(search, attachment, device->ifindex) < 0)
			return refuse_missing(search, port, count);
		if (number < 0)
			return 0;
	}
	why = not_in_use(address, (unsigned int)number);
	attachment->placement.function = (struct function){
		.ifindex = device->ifindex,
		.number = (__u16)number,
		.carries = !why && device->flags & IFF_UP && device->flags & IFF_RUNNING &&
			   port->acceleration == SLUICE_ACCELERATION_VF,
	};
	placement_narrow(&attachment->placement, device);
	say_function(port, attachment, why ?: "has no link");
	return 0;
}

static void mark_uplink(struct attachments *attachments, __u32 ifindex)
{
	for (size_t i = 0; i < attachments->count; i++)
		if (ifindex && attachments->list[i].uplink && attachments->list[i].ifindex == ifindex)
			attachments->list[i].functions = true;
}

int functions_resolve(const struct sluice_config *config, const struct devices *devices,
		      const struct attachments *running, bool tolerate_missing,
		      struct attachments *attachments, size_t *wrong, struct sluice_error *error)
{
	const struct search search = { config, devices, running, attachments, tolerate_missing, error };
	int result = 0;

	/* Those that name one have theirs before the others choose. */
	for (size_t i = 0; i < 2 * config->port_count && !result; i++) {
		size_t port = i % config->port_count;
		const struct sluice_uplink *uplink = function_uplink(config, &config->ports[port]);

		if (!uplink || (config->ports[port].vf == SLUICE_ANY) != (i >= config->port_count))
			continue;
		result = resolve_port(&search, uplink, port);
		*wrong = port;
		mark_uplink(attachments, attachments->list[port].placement.function.ifindex);
	}
	return result;
}

/* --- made and taken away --- */

static int write_file(const char *text, const char *format, const char *address)
{
	char path[STATE_PATH_MAX];
	int fd, result = 0;

	snprintf(path, sizeof(path), format, address);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		result = -errno;
	close(fd);
	return result;
}

/* How many VFs of an uplink are to be made, and where. */
static unsigned int to_be_made(const struct sluice_uplink *uplink, const struct devices *devices,
			       char address[32])
{
	const struct device *device = device_by_name(devices, uplink->device);
	long long count;

	if (!uplink->vfs || !device)
		return 0;
	device_address(device, address);
	count = count_at(address);
	return count >= 0 && count < uplink->vfs ? uplink->vfs : 0;
}

bool functions_missing(const struct sluice_config *config, const struct devices *devices)
{
	char address[32];

	for (size_t i = 0; i < config->uplink_count; i++)
		if (to_be_made(&config->uplinks[i], devices, address))
			return true;
	return false;
}

static int refuse_number(const struct sluice_uplink *uplink, const char *address, int code,
			 struct sluice_error *error)
{
	long long most = 0;

	survey_number(&host, &most, PCI "/sriov_totalvfs", address);
	if (code == -EBUSY)
		return sluice_error_set(error, code,
					"uplink %s: it has %lld VFs and vfs is %u; the kernel adds none to "
					"those there are: 'echo 0 >/sys/bus/pci/devices/%s/sriov_numvfs' "
					"takes them from their guests first", uplink->device,
					count_at(address), uplink->vfs, address);
	return sluice_error_set(error, code, "uplink %s: cannot make %u VFs, of %lld that it can have: "
				"%s", uplink->device, uplink->vfs, most, strerror(-code));
}

/* Gives the new VFs to their drivers. One that none wants is none's. */
static int probe_all(const char *address, unsigned int count)
{
	int result = 0;

	for (unsigned int i = 0; i < count && !result; i++) {
		char name[64];

		if (survey_link(&host, name, sizeof(name), PCI "/virtfn%u", address, i))
			result = write_file(name, "/sys/bus/pci/drivers_probe", "");
		if (result == -EINVAL)
			result = 0;
	}
	return result;
}

/* A driver that gets a VF before that has its MAC would keep another one, and a guest could be on the
 * wire: drivers get them last. */
static int make_at(const struct sluice *sw, const struct sluice_config *config,
		   const struct sluice_uplink *uplink, const char *address, unsigned int count,
		   const struct attachments *attachments, struct sluice_error *error)
{
	char number[16], name[64], probes[8] = "1";
	int result, again;

	if (count_at(address))
		return refuse_number(uplink, address, -EBUSY, error);
	snprintf(name, sizeof(name), MARK "%s", address);
	snprintf(number, sizeof(number), "%u", count);
	survey_text(&host, probes, sizeof(probes), PCI "/sriov_drivers_autoprobe", address);
	result = state_mark(sw, name, error);
	if (result)
		return result;
	result = write_file("0", PCI "/sriov_drivers_autoprobe", address) ?:
		 write_file(number, PCI "/sriov_numvfs", address);
	again = write_file(probes, PCI "/sriov_drivers_autoprobe", address);
	if (result || again)
		return refuse_number(uplink, address, result ?: again, error);
	result = functions_attach_all(sw, config, attachments, error);
	if (!result && probes[0] == '1') {
		result = probe_all(address, count);
		if (result)
			sluice_error_set(error, result, "uplink %s: cannot give its VFs a driver: %s",
					 uplink->device, strerror(-result));
	}
	return result;
}

int functions_make(const struct sluice *sw, const struct sluice_config *config,
		   const struct devices *devices, const struct attachments *attachments,
		   struct sluice_error *error)
{
	int result = 0;

	for (size_t i = 0; i < config->uplink_count && !result; i++) {
		char address[32];
		unsigned int count = to_be_made(&config->uplinks[i], devices, address);

		if (count)
			result = make_at(sw, config, &config->uplinks[i], address, count, attachments,
					 error);
	}
	return result;
}

static bool wants_made(const struct sluice_config *config, const struct devices *devices,
		       const char *address)
{
	for (size_t i = 0; config && i < config->uplink_count; i++) {
		const struct device *device = device_by_name(devices, config->uplinks[i].device);
		char own[32];

		if (!device || !config->uplinks[i].vfs)
			continue;
		device_address(device, own);
		if (!strcmp(own, address))
			return true;
	}
	return false;
}

int functions_unmake_others(const struct sluice *sw, const struct sluice_config *config,
			    struct sluice_error *error)
{
	struct devices devices = {};
	struct dirent *entry;
	DIR *list = opendir(sw->state);
	int result = list ? devices_read(&devices, error) : 0;

	while (list && !result && (entry = readdir(list))) {
		const char *address = entry->d_name + strlen(MARK);

		if (strncmp(entry->d_name, MARK, strlen(MARK)) ||
		    wants_made(config, &devices, address))
			continue;
		result = write_file("0", PCI "/sriov_numvfs", address);
		/* The NIC itself may be gone. */
		if (result && result != -ENOENT)
			return sluice_error_set(error, result, "cannot take away the VFs of %s: %s",
						address, strerror(-result));
		result = state_remove(sw, entry->d_name, error);
	}
	if (list)
		closedir(list);
	devices_free(&devices);
	return result;
}
