/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The doctor's look at the kernel: can it load the programs, and how well does it run them?
 */
#include <cap-ng.h>
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "loader/doctor.h"

#define VERSION(major, minor) ((major) << 16 | (minor))
#define OLDEST_KERNEL         VERSION(6, 1)
#define UNLOCKED_KERNEL \
	VERSION(5, 11) /* maps are charged to the cgroup, no longer to the lock limit */
#define TCX_INGRESS 46 /* BPF_TCX_INGRESS, which headers before Linux 6.6 do not have */
#define LOOPBACK    1  /* ifindex of lo in every network namespace */

/* The kernel's version as VERSION(), 0 when it can not be read. */
static unsigned int kernel_version(const struct survey *survey, char *release, size_t size)
{
	unsigned int major, minor;

	if (!survey_text(survey, release, size, "/proc/sys/kernel/osrelease") ||
	    sscanf(release, "%u.%u", &major, &minor) != 2)
		return 0;
	return VERSION(major, minor);
}

static void check_version(struct survey *survey)
{
	char release[128];
	unsigned int version = kernel_version(survey, release, sizeof(release));

	if (!version)
		finding_add(survey, SLUICE_CANNOT, "kernel", "mount -t proc proc /proc",
			    "its version can not be read from /proc/sys/kernel/osrelease");
	else if (version < OLDEST_KERNEL)
		finding_add(survey, SLUICE_CANNOT, "kernel", "apt-get install linux-image-amd64",
			    "Linux %s; the programs need 6.1 or newer", release);
	else
		finding_add(survey, SLUICE_OK, "kernel", "", "Linux %s", release);
}

static void check_btf(struct survey *survey)
{
	if (survey_has(survey, "/sys/kernel/btf/vmlinux"))
		finding_add(survey, SLUICE_OK, "kernel BTF", "", "there");
	else
		finding_add(survey, SLUICE_CANNOT, "kernel BTF",
			    "apt-get install linux-image-amd64",
			    "no /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF), or /sys is not "
			    "mounted; without it no program can be loaded");
}

static void check_jit(struct survey *survey)
{
	long long on = 1;

	/* A kernel built with the JIT always on need not have the switch. */
	survey_number(survey, &on, "/proc/sys/net/core/bpf_jit_enable");
	if (on)
		finding_add(survey, SLUICE_OK, "BPF JIT", "", "on");
	else
		finding_add(survey, SLUICE_SLOWER, "BPF JIT", "sysctl -w net.core.bpf_jit_enable=1",
			    "off: every packet is interpreted, many times slower");
}

/* Whether 'ip netns exec' has put a /sys of its own over the host's, which hides the bpf file system:
 * it calls the mount by the namespace's name. */
static bool sys_is_of_netns(const struct survey *survey, char name[64])
{
	FILE *file = survey_open(survey, "/proc/self/mountinfo");
	bool found = false;
	char line[1024];

	while (file && fgets(line, sizeof(line), file)) {
		const char *source = strstr(line, " - sysfs ");

		if (strstr(line, " / /sys ") && source)
			found = sscanf(source, " - sysfs %63s", name) == 1;
	}
	if (file)
		fclose(file);
	return found && survey_has(survey, "/run/netns/%s", name);
}

static void check_bpffs(struct survey *survey)
{
	char name[64], remedy[96];
	struct statfs fs;

	if (!statfs("/sys/fs/bpf", &fs) && fs.f_type == BPF_FS_MAGIC)
		finding_add(survey, SLUICE_OK, "bpf file system", "", "mounted at /sys/fs/bpf");
	else if (sys_is_of_netns(survey, name) &&
		 snprintf(remedy, sizeof(remedy), "sluice -n %s doctor", name) > 0)
		finding_add(survey, SLUICE_CANNOT, "bpf file system", remedy,
			    "not at /sys/fs/bpf: 'ip netns exec' hides it; stay outside and name "
			    "the namespace");
	else
		finding_add(survey, SLUICE_SLOWER, "bpf file system",
			    "mount -t bpf bpf /sys/fs/bpf",
			    "not mounted at /sys/fs/bpf; 'sluice up' mounts it");
}

/* "[none] integrity confidentiality": the one in brackets holds. */
static const char *lockdown(const struct survey *survey, char text[128])
{
	char *open, *close;

	if (!survey_text(survey, text, 128, "/sys/kernel/security/lockdown"))
		return "none";
	open = strchr(text, '[');
	close = open ? strchr(open, ']') : NULL;
	if (!close)
		return "none";
	*close = '\0';
	return open + 1;
}

static void check_privileges(struct survey *survey)
{
	static const unsigned int needed[] = { CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN };
	char missing[128] = "", text[128];
	size_t length = 0;

	if (capng_get_caps_process()) {
		finding_add(survey, SLUICE_CANNOT, "privileges", "", "they can not be read");
		return;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!capng_have_capability(CAPNG_EFFECTIVE, needed[i]))
			length += (size_t)snprintf(missing + length, sizeof(missing) - length,
						   "%scap_%s", length ? ", " : "",
						   capng_capability_to_name(needed[i]));
	if (length)
		finding_add(survey, SLUICE_CANNOT, "privileges", "sudo sluice doctor",
			    "missing: %s", missing);
	else if (!strcmp(lockdown(survey, text), "confidentiality"))
		finding_add(
			survey, SLUICE_CANNOT, "privileges", "",
			"the kernel is locked down (confidentiality), which takes the programs' "
			"helpers away: boot with lockdown=integrity");
	else if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, NULL) <= 0)
		finding_add(survey, SLUICE_CANNOT, "privileges", "",
			    "the capabilities are there, yet the kernel refuses bpf(): seccomp of "
			    "a container, or lockdown");
	else
		finding_add(survey, SLUICE_OK, "privileges", "", "all that is needed");
}

/* The soft "Max locked memory" of /proc/self/limits as text: bytes, or "unlimited". */
static bool lock_limit(const struct survey *survey, char limit[32])
{
	FILE *file = survey_open(survey, "/proc/self/limits");
	bool found = false;
	char line[256];

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "Max locked memory %31s", limit) == 1;
	if (file)
		fclose(file);
	return found;
}

/* What kernel memory may be had: by the limit of locked memory before 5.11, by the cgroup since. */
static void check_memory(struct survey *survey)
{
	char release[128], limit[32];
	unsigned int version = kernel_version(survey, release, sizeof(release));

	if (!lock_limit(survey, limit))
		finding_add(survey, SLUICE_SLOWER, "locked memory", "mount -t proc proc /proc",
			    "its limit can not be read from /proc/self/limits");
	else if (!strcmp(limit, "unlimited"))
		finding_add(survey, SLUICE_OK, "locked memory", "", "no limit");
	else if (version && version < UNLOCKED_KERNEL)
		finding_add(survey, SLUICE_CANNOT, "locked memory", "ulimit -l unlimited",
			    "limit %s bytes, and Linux %s counts maps against it: they will not be "
			    "made",
			    limit, release);
	else
		finding_add(survey, SLUICE_OK, "locked memory", "",
			    "limit %s bytes: for AF_XDP's buffers of who has no cap_ipc_lock; maps "
			    "are not counted since Linux 5.11",
			    limit);
}

/* The cgroup (v2) that what this process makes is charged to. */
static void check_cgroup(struct survey *survey)
{
	FILE *file = survey_open(survey, "/proc/self/cgroup");
	char line[512], path[512] = "", most[32] = "max", remedy[600];
	long long bytes = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "0::%511[^\n]", path) == 1)
			break;
	if (file)
		fclose(file);
	if (!survey_text(survey, most, sizeof(most), "/sys/fs/cgroup%s/memory.max", path) ||
	    !strcmp(most, "max"))
		return; /* the root's has no limit, and so no file */
	sscanf(most, "%lld", &bytes);
	snprintf(remedy, sizeof(remedy), "echo max >/sys/fs/cgroup%.200s/memory.max", path);
	finding_add(
		survey, SLUICE_SLOWER, "cgroup memory", remedy,
		"limit of %lld MiB, which flow table and policy are charged to: 'up' is refused "
		"when they do not fit",
		bytes >> 20);
}

static void check_tcx(struct survey *survey)
{
	__u32 ids[64], count = sizeof(ids) / sizeof(*ids);
	int failure;

	failure = bpf_prog_query(LOOPBACK, TCX_INGRESS, 0, NULL, ids, &count);
	if (failure == -EPERM)
		return; /* said under privileges */
	if (failure && failure != -ENOSPC)
		finding_add(survey, SLUICE_OK, "tc attachment", "",
			    "clsact: this kernel has no tcx (Linux 6.6)");
	else
		finding_add(survey, SLUICE_OK, "tc attachment", "", "tcx");
}

void doctor_kernel(struct survey *survey)
{
	check_version(survey);
	check_btf(survey);
	check_jit(survey);
	check_memory(survey);
	check_cgroup(survey);
}

void doctor_privileges(struct survey *survey)
{
	check_bpffs(survey);
	check_privileges(survey);
	check_tcx(survey);
}
