/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why a device takes no XDP program, and what can be done: the kernel says only a number.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

#include "loader/attach.h"

static void program_name(__u32 id, char name[BPF_OBJ_NAME_LEN])
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	snprintf(name, BPF_OBJ_NAME_LEN, "?");
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &length))
		snprintf(name, BPF_OBJ_NAME_LEN, "%s", info.name);
	close(fd);
}

int refuse_occupied(const struct attachment *attachment, const struct device *device,
		    struct sluice_error *error)
{
	char name[BPF_OBJ_NAME_LEN];

	program_name(device->xdp_program, name);
	return sluice_error_set(error, -EBUSY,
				"%s has an XDP program already (%s, id %u), which stays: load it with "
				"'xdp-loader load' so that both can share the device, take it off with "
				"'ip link set %s xdp off', or set hook: tc",
				device->name, name, device->xdp_program, attachment->ifname);
}

int refuse_own(const struct device *device, struct sluice_error *error)
{
	return sluice_error_set(error, -EBUSY,
				"%s has one place for XDP, native or generic: set hook: tc first, "
				"and then the other", device->name);
}

int refuse_xdp(const struct attachment *attachment, const struct device *device, int code,
	       struct sluice_error *error)
{
	char driver[32];

	device_driver(device, driver);
	switch (-code) {
	case EOPNOTSUPP:
		return sluice_error_set(error, -ENOTSUP,
					"the driver of %s (%s) has no native XDP: set hook: tc, or hook: "
					"xdp-generic (slower)", device->name, driver);
	case EBUSY:
	case EEXIST:
		return sluice_error_set(error, -EBUSY,
					"%s got another XDP program at this moment: see 'ip link show "
					"%s'", device->name, device->name);
	case EINVAL:
	case ERANGE:
	case E2BIG:
	case EMSGSIZE:
		return sluice_error_set(error, -ENOTSUP,
					"the driver of %s (%s) refuses XDP (%s), often for an MTU (%u here) "
					"above its limit or LRO: try 'ip link set %s mtu 1500', 'ethtool "
					"-K %s lro off', or set hook: tc", device->name, driver,
					strerror(-code), device->mtu, device->name, device->name);
	case ENOSPC:
	case ENOMEM:
		return sluice_error_set(error, -ENOTSUP,
					"the driver of %s (%s) has no queues left for XDP (%s): lower them "
					"with 'ethtool -L %s combined N', or set hook: tc",
					device->name, driver, strerror(-code), attachment->ifname);
	default:
		return sluice_error_set(error, code,
					"the driver of %s (%s) refuses XDP: %s; set hook: tc",
					device->name, driver, strerror(-code));
	}
}

int refuse_tc_for_functions(const struct attachment *attachment, struct sluice_error *error)
{
	return sluice_error_set(error, -ENOTSUP,
				"uplink %s: ports have VFs of it, whose frames only native XDP sends back, "
				"and its program is on tc: a driver with native XDP and 'hook: xdp' are "
				"needed, see 'sluice doctor %s'", attachment->owner, attachment->owner);
}
