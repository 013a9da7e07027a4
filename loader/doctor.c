/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this host can do for a switch, and the command that mends what it can not.
 */
#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "loader/doctor.h"
#include "loader/switch.h"

#define OLDEST_MAJOR 6
#define OLDEST_MINOR 1
#define TCX_INGRESS 46 /* BPF_TCX_INGRESS, which headers before Linux 6.6 do not have */
#define LOOPBACK 1     /* ifindex of lo in every network namespace */

struct sluice_finding *finding_add(struct findings *findings, enum sluice_finding_level level,
				   const char *subject, const char *remedy, const char *format, ...)
{
	struct sluice_finding *list, *finding;
	va_list arguments;

	list = realloc(findings->list, (findings->count + 1) * sizeof(*list));
	if (!list) {
		findings->short_of_memory = true;
		return NULL;
	}
	findings->list = list;
	finding = &list[findings->count++];
	memset(finding, 0, sizeof(*finding));
	finding->level = level;
	snprintf(finding->subject, sizeof(finding->subject), "%s", subject);
	snprintf(finding->remedy, sizeof(finding->remedy), "%s", remedy);
	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
	return finding;
}

static void check_kernel(struct findings *findings)
{
	unsigned int major = 0, minor = 0;
	struct utsname kernel;

	if (uname(&kernel) || sscanf(kernel.release, "%u.%u", &major, &minor) != 2)
		finding_add(findings, SLUICE_CANNOT, "kernel", "", "its version can not be read");
	else if (major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR))
		finding_add(findings, SLUICE_CANNOT, "kernel", "apt-get install linux-image-amd64",
			    "Linux %s; the programs need %u.%u or newer", kernel.release,
			    OLDEST_MAJOR, OLDEST_MINOR);
	else
		finding_add(findings, SLUICE_OK, "kernel", "", "Linux %s", kernel.release);
}

static void check_btf(struct findings *findings)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		finding_add(findings, SLUICE_CANNOT, "kernel BTF", "apt-get install linux-image-amd64",
			    "no /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF), or /sys is not "
			    "mounted; without it no program can be loaded");
	else
		finding_add(findings, SLUICE_OK, "kernel BTF", "", "there");
}

static void check_jit(struct findings *findings)
{
	FILE *file = fopen("/proc/sys/net/core/bpf_jit_enable", "re");
	int on = 1;

	/* A kernel built with the JIT always on need not have the switch. */
	if (file && fscanf(file, "%d", &on) != 1)
		on = 1;
	if (file)
		fclose(file);
	if (on)
		finding_add(findings, SLUICE_OK, "BPF JIT", "", "on");
	else
		finding_add(findings, SLUICE_SLOWER, "BPF JIT", "sysctl -w net.core.bpf_jit_enable=1",
			    "off: every packet is interpreted, many times slower");
}

/* Whether the caller sits in another network namespace than init: `ip netns exec` then hides
 * the bpf file system behind a new /sys. */
static bool in_other_netns(void)
{
	struct stat own, first;

	return !stat("/proc/self/ns/net", &own) && !stat("/proc/1/ns/net", &first) &&
	       own.st_ino != first.st_ino;
}

static void check_bpffs(struct findings *findings)
{
	struct statfs fs;

	if (!statfs("/sys/fs/bpf", &fs) && fs.f_type == BPF_FS_MAGIC)
		finding_add(findings, SLUICE_OK, "bpf file system", "", "mounted at /sys/fs/bpf");
	else if (in_other_netns())
		finding_add(findings, SLUICE_CANNOT, "bpf file system", "sluice -n NETNS status",
			    "not at /sys/fs/bpf: 'ip netns exec' hides it; stay outside and name "
			    "the namespace");
	else
		finding_add(findings, SLUICE_SLOWER, "bpf file system", "mount -t bpf bpf /sys/fs/bpf",
			    "not mounted at /sys/fs/bpf; 'sluice up' mounts it");
}

static void check_capabilities(struct findings *findings)
{
	static const unsigned int needed[] = {CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN};
	char missing[128] = "";
	size_t length = 0;

	if (capng_get_caps_process()) {
		finding_add(findings, SLUICE_CANNOT, "privileges", "", "they can not be read");
		return;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!capng_have_capability(CAPNG_EFFECTIVE, needed[i]))
			length += snprintf(missing + length, sizeof(missing) - length, "%scap_%s",
					   length ? ", " : "", capng_capability_to_name(needed[i]));
	if (length)
		finding_add(findings, SLUICE_CANNOT, "privileges", "sudo sluice doctor",
			    "missing: %s", missing);
	else if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, NULL) <= 0)
		finding_add(findings, SLUICE_CANNOT, "privileges", "",
			    "the capabilities are there, yet the kernel refuses bpf(): seccomp of "
			    "a container, or lockdown");
	else
		finding_add(findings, SLUICE_OK, "privileges", "", "all that is needed");
}

static void check_tcx(struct findings *findings)
{
	__u32 ids[64], count = sizeof(ids) / sizeof(*ids);
	int failure;

	failure = bpf_prog_query(LOOPBACK, TCX_INGRESS, 0, NULL, ids, &count);
	if (failure == -EPERM)
		return; /* said under privileges */
	if (failure && failure != -ENOSPC)
		finding_add(findings, SLUICE_OK, "tc attachment", "",
			    "clsact: this kernel has no tcx (Linux 6.6)");
	else
		finding_add(findings, SLUICE_OK, "tc attachment", "", "tcx");
}

static void check_dispatcher(struct findings *findings)
{
	static const char *const places[] = {"/usr/lib/bpf/xdp-dispatcher.o",
					     "/usr/lib/*/bpf/xdp-dispatcher.o",
					     "/usr/local/lib/bpf/xdp-dispatcher.o",
					     "/usr/local/lib/*/bpf/xdp-dispatcher.o"};
	const char *override = getenv("LIBXDP_OBJECT_PATH");
	char path[256];
	glob_t found;

	snprintf(path, sizeof(path), "%s/xdp-dispatcher.o", override ? override : "");
	if (override && !access(path, R_OK))
		goto there;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (glob(places[i], GLOB_NOSORT, NULL, &found))
			continue;
		snprintf(path, sizeof(path), "%s", found.gl_pathv[0]);
		globfree(&found);
		goto there;
	}
	finding_add(findings, SLUICE_SLOWER, "libxdp dispatcher", "apt-get install libxdp1",
		    "xdp-dispatcher.o not found (or set LIBXDP_OBJECT_PATH): an uplink can not be "
		    "shared with other XDP programs");
	return;
there:
	finding_add(findings, SLUICE_OK, "libxdp dispatcher", "", "%s", path);
}

/* Directories in one place that have no partner in the other: what a killed `up` or a reboot of
 * half the state leaves. */
static void check_leftovers(struct findings *findings, const char *here, const char *there,
			    const char *what)
{
	DIR *directory = opendir(here);
	struct dirent *entry;
	char partner[512], remedy[sizeof(((struct sluice_finding *)0)->remedy)];

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(partner, sizeof(partner), "%s/%s", there, entry->d_name);
		if (!access(partner, F_OK))
			continue;
		snprintf(remedy, sizeof(remedy), "sluice --switch %.200s down", entry->d_name);
		finding_add(findings, SLUICE_SLOWER, "leftovers", remedy,
			    "switch %.64s has %s and nothing else: an 'up' or 'down' was killed",
			    entry->d_name, what);
	}
	closedir(directory);
}

int sluice_doctor(const char *netns, const char *device, struct sluice_finding **findings, size_t *count,
		  struct sluice_error *error)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	struct findings found = {0};
	int failure = 0;

	check_kernel(&found);
	check_btf(&found);
	check_jit(&found);
	check_bpffs(&found);
	check_capabilities(&found);
	check_tcx(&found);
	check_dispatcher(&found);
	check_leftovers(&found, SLUICE_PIN_ROOT, SLUICE_STATE_ROOT, "pins");
	check_leftovers(&found, SLUICE_STATE_ROOT, SLUICE_PIN_ROOT, "state");
	doctor_flows(&found, netns);
	if (device && netns && *netns)
		failure = switch_enter_netns(netns, error);
	if (device && !failure)
		failure = doctor_device(&found, device, error);
	libbpf_set_print(print);
	if (!failure && found.short_of_memory)
		failure = sluice_error_set(error, -ENOMEM, "out of memory");
	if (failure) {
		free(found.list);
		return failure;
	}
	*findings = found.list;
	*count = found.count;
	return 0;
}
