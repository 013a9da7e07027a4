/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a host must have before a switch can be put on it, said one clear sentence at a time.
 */
#include <cap-ng.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "loader/switch.h"

#define BPFFS "/sys/fs/bpf"
#define KERNEL_BTF "/sys/kernel/btf/vmlinux"
#define OLDEST_MAJOR 6
#define OLDEST_MINOR 1

/* Whether this process's root is the host's root: a user namespace's can load nothing. */
static bool real_root(void)
{
	unsigned long inside, outside, count;
	FILE *map = fopen("/proc/self/uid_map", "re");
	bool real;

	if (!map)
		return true;
	real = fscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 && !inside && !outside &&
	       count >= 0xffffffffUL;
	fclose(map);
	return real;
}

int host_check_privileges(struct sluice_error *error)
{
	static const unsigned int needed[] = { CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN };

	if (geteuid() != 0)
		return sluice_error_set(error, -EPERM, "this needs root: run it with sudo");
	if (!real_root())
		return sluice_error_set(error, -EPERM,
					"this is root of a user namespace only: run it as root of the "
					"host");
	if (capng_get_caps_process())
		return sluice_error_set(error, -EPERM, "cannot read this process's capabilities");
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!capng_have_capability(CAPNG_EFFECTIVE, needed[i]))
			return sluice_error_set(error, -EPERM,
						"the capability cap_%s is missing: run this outside "
						"the container, or give the container that capability",
						capng_capability_to_name(needed[i]));
	return 0;
}

static int check_kernel(struct sluice_error *error)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return sluice_error_set(error, -ENOTSUP, "cannot tell which kernel this is");
	if (major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR))
		return sluice_error_set(error, -ENOTSUP,
					"kernel %s is too old: sluice needs Linux %d.%d or newer",
					name.release, OLDEST_MAJOR, OLDEST_MINOR);
	if (access(KERNEL_BTF, R_OK))
		return sluice_error_set(error, -ENOTSUP,
					"this kernel has no BTF (%s is not there): boot one built "
					"with CONFIG_DEBUG_INFO_BTF=y, as Debian's are", KERNEL_BTF);
	return 0;
}

static int check_bpffs(struct sluice_error *error)
{
	struct statfs info;

	if (!statfs(BPFFS, &info) && info.f_type == BPF_FS_MAGIC)
		return 0;
	if (mount("bpf", BPFFS, "bpf", 0, "mode=0700"))
		return sluice_error_set(error, -errno == -EPERM ? -EPERM : -ENOTSUP,
					"no bpf file system at %s, and mounting one failed (%s): run "
					"'mount -t bpf bpf %s'", BPFFS, strerror(errno), BPFFS);
	return 0;
}

int host_check(struct sluice_error *error)
{
	return host_check_privileges(error) ?: check_kernel(error) ?: check_bpffs(error);
}
