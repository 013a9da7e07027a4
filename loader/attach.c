/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Putting programs on devices and taking them off, one attachment at a time.
 */
#include "loader/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/load.h"
#include "loader/state.h"
#include "loader/xdp_features.h"

/* Debian 12's headers do not know it. */
#define TCX_INGRESS 46

static bool hook_is_xdp(enum attach_hook hook)
{
	return hook == ATTACH_XDP || hook == ATTACH_XDP_GENERIC;
}

static void link_path(const struct sluice *sw, const struct attachment *attachment,
		      enum attach_hook hook, char path[STATE_PATH_MAX])
{
	snprintf(path, STATE_PATH_MAX, "%s/links/%s-%s-%u", sw->pins,
		 attachment->uplink ? "uplink" : "port", hook_is_xdp(hook) ? "xdp" : "tcx",
		 attachment->ifindex);
}

static bool hook_is_link(enum attach_hook hook)
{
	return hook == ATTACH_TCX || hook_is_xdp(hook);
}

/* The device a link is on: 0 when that is gone. */
static __u32 link_ifindex(int fd, __u32 *program)
{
	struct bpf_link_info info = {};
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return 0;
	if (program)
		*program = info.prog_id;
	/* tcx links say it at the same place as XDP links do. */
	return info.xdp.ifindex;
}

/* Ends the link pinned at path now, not when the last reference goes, and removes the pin. */
static int end_link(const char *path)
{
	int fd = bpf_obj_get(path), result = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	/* ENOLINK and the like: it ended with its device. */
	bpf_link_detach(fd);
	if (unlink(path) && errno != ENOENT)
		result = -errno;
	close(fd);
	return result;
}

static int create_link(const struct sluice *sw, struct attachment *attachment, int program,
		       enum attach_hook hook)
{
	LIBBPF_OPTS(bpf_link_create_opts, options);
	char path[STATE_PATH_MAX];
	int fd, result = 0;

	link_path(sw, attachment, hook, path);
	result = end_link(path); /* of a device that had this ifindex before, or a killed writer's */
	if (result)
		return result;
	if (hook == ATTACH_XDP)
		options.flags = XDP_FLAGS_DRV_MODE;
	else if (hook == ATTACH_XDP_GENERIC)
		options.flags = XDP_FLAGS_SKB_MODE;
	fd = bpf_link_create(program, (int)attachment->ifindex,
			     hook_is_xdp(hook) ? BPF_XDP : (enum bpf_attach_type)TCX_INGRESS, &options);
	if (fd < 0)
		return fd;
	if (bpf_obj_pin(fd, path))
		result = -errno;
	else
		attachment->hook = hook;
	close(fd);
	return result;
}

/*
 * Whether the device's one place for XDP holds our own program of the other mode. It is not ended
 * here: between the two, frames would go up the host's stack, past every policy.
 */
static bool own_xdp_there(const struct sluice *sw, const struct attachment *attachment,
			  enum attach_hook hook)
{
	char path[STATE_PATH_MAX];

	link_path(sw, attachment, hook == ATTACH_XDP ? ATTACH_XDP_GENERIC : ATTACH_XDP, path);
	return !access(path, F_OK);
}

static void say_why(struct attachment *attachment, const char *why)
{
	snprintf(attachment->placement.why, sizeof(attachment->placement.why), "%s", why);
}

/* --- attach --- */

static int attach_tc(const struct sluice *sw, struct attachment *attachment,
		     struct sluice_error *error)
{
	int program = attachment->uplink ? sw->program.sluice_uplink_tc : sw->program.sluice_tc;
	int result = create_link(sw, attachment, program, ATTACH_TCX);

	/* Kernels before 6.6 do not know the attach type. */
	if (result == -EINVAL || result == -EOPNOTSUPP) {
		result = clsact_attach(sw, attachment->ifindex, program, false, error);
		if (!result)
			attachment->hook = ATTACH_CLSACT;
		return result;
	}
	if (result)
		return sluice_error_set(error, result, "cannot attach to %s: %s",
					attachment->ifname, strerror(-result));
	return 0;
}

static int attach_xdp(const struct sluice *sw, struct attachment *attachment,
		      const struct device *device, struct sluice_error *error)
{
	int program = attachment->uplink ? sw->program.sluice_uplink_xdp : sw->program.sluice_xdp;
	enum attach_hook hook = attachment->wanted == SLUICE_HOOK_XDP_GENERIC ?
					ATTACH_XDP_GENERIC :
					ATTACH_XDP;
	int result;

	if (device->xdp_program && attachment->uplink && dispatcher_there(device->ifindex)) {
		result = dispatcher_attach(sw, attachment->ifname, attachment->ifindex,
					   &attachment->program, error);
		if (!result) {
			attachment->hook = ATTACH_DISPATCHER;
			say_why(attachment, "another XDP program is there: shared by libxdp's "
					    "dispatcher");
		}
		return result;
	}
	if (device->xdp_program && own_xdp_there(sw, attachment, hook))
		return refuse_own(device, error);
	if (device->xdp_program)
		return refuse_occupied(attachment, device, error);
	result = create_link(sw, attachment, program, hook);
	if (result)
		return refuse_xdp(attachment, device, result, error);
	if (attachment->uplink)
		say_why(attachment, hook == ATTACH_XDP ? "the driver has native XDP" :
							 "generic XDP, as asked: slower than native");
	return 0;
}

static int attach_uplink(const struct sluice *sw, struct attachment *attachment,
			 const struct device *device, struct sluice_error *error)
{
	struct sluice_error said;
	int result;

	if (attachment->wanted == SLUICE_HOOK_TC && attachment->functions)
		return refuse_tc_for_functions(attachment, error);
	if (attachment->wanted == SLUICE_HOOK_TC) {
		say_why(attachment, "tc, as asked");
		return attach_tc(sw, attachment, error);
	}
	result = attach_xdp(sw, attachment, device, &said);
	if (!result)
		return 0;
	/* Somebody else's program is a reason to ask, not to go another way unasked. */
	if (attachment->wanted != SLUICE_HOOK_AUTO || result != -ENOTSUP || attachment->functions)
		return sluice_error_set(error, result, "uplink %s: %s", attachment->owner,
					said.message);
	/* The reason without the remedy that follows it. */
	said.message[strcspn(said.message, ":")] = '\0';
	snprintf(attachment->placement.why, sizeof(attachment->placement.why),
		 "tc, because %.140s", said.message);
	return attach_tc(sw, attachment, error);
}

static int switch_feature(const struct feature_change *change, bool on)
{
	int netns = netns_by_cookie(change->netns);
	char name[IFNAMSIZ];
	int result;

	if (netns < 0)
		return netns;
	result = name_by_index(netns, change->ifindex, name);
	if (!result)
		result = feature_set(netns, name, change->feature, on);
	close(netns);
	return result;
}

/*
 * Linux (6.3 and later) notes at a veth that XDP may redirect to it when it comes up itself, or when
 * its far end is up and begins to poll; not when a far end comes up that is to poll. Without the note,
 * frames are lost and counted nowhere. So it comes up once more: nobody hears it yet.
 */
static int note_redirect_target(const struct attachment *attachment)
{
	unsigned long long features;
	char name[IFNAMSIZ];
	int result = xdp_features_get(attachment->ifindex, &features);

	if (result == -ENOTSUP)
		return 0;
	if (result || features & XDP_FEATURE_TRANSMIT)
		return result;
	return name_by_index(-1, attachment->ifindex, name) ?: device_reopen(name);
}

static bool polls(const struct attachment *attachment)
{
	for (size_t i = 0; i < attachment->change_count; i++)
		if (attachment->change[i].feature == FEATURE_GRO && attachment->change[i].on)
			return true;
	return false;
}

int attach_features(const struct attachment *attachment, struct sluice_error *error)
{
	int result;

	for (size_t i = 0; i < attachment->change_count; i++) {
		const struct feature_change *change = &attachment->change[i];

		result = switch_feature(change, change->on);
		if (result && attachment->uplink)
			return sluice_error_set(error, result, "uplink %s: cannot switch its feature "
						"'%s' %s, which VFs as ports need: %s",
						attachment->owner, feature_name(change->feature),
						change->on ? "on" : "off", strerror(-result));
		if (result)
			return sluice_error_set(error, result,
						"port %s: cannot switch '%s' at the other end of %s, "
						"which XDP needs (%s): set hook: tc", attachment->owner,
						feature_name(change->feature), attachment->ifname,
						strerror(-result));
	}
	result = polls(attachment) ? note_redirect_target(attachment) : 0;
	if (result)
		return sluice_error_set(error, result,
					"port %s: cannot make %s a target of XDP's redirects (%s): set it "
					"down and up again", attachment->owner, attachment->ifname,
					strerror(-result));
	return 0;
}

int attach(const struct sluice *sw, struct attachment *attachment, const struct devices *devices,
	   struct sluice_error *error)
{
	const struct device *device = device_by_index(devices, attachment->ifindex);
	struct sluice_error said;
	int result;

	if (!device)
		return sluice_error_set(error, -ENODEV, "%s: the device %s vanished",
					attachment->owner, attachment->ifname);
	libbpf_quiet();
	result = attach_features(attachment, error);
	if (result)
		return result;
	if (attachment->uplink)
		return attach_uplink(sw, attachment, device, error);
	if (attachment_by_xdp(attachment))
		result = attach_xdp(sw, attachment, device, &said);
	else
		result = attach_tc(sw, attachment, &said);
	if (result)
		return sluice_error_set(error, result, "port %s: %s", attachment->owner,
					said.message);
	return 0;
}

/* --- detach --- */

static bool change_kept(const struct feature_change *change, const struct attachments *kept)
{
	for (size_t i = 0; i < kept->count; i++)
		for (size_t j = 0; j < kept->list[i].change_count; j++)
			if (change->netns == kept->list[i].change[j].netns &&
			    change->ifindex == kept->list[i].change[j].ifindex &&
			    change->feature == kept->list[i].change[j].feature)
				return true;
	return false;
}

static bool place_kept(const struct attachment *attachment, const struct attachments *kept)
{
	for (size_t i = 0; i < kept->count; i++) {
		const struct attachment *other = &kept->list[i];

		if (other->ifindex != attachment->ifindex)
			continue;
		if (other->uplink == attachment->uplink && other->hook == attachment->hook)
			return true;
		/* What is looked for by our name alone would be found to be the other's. */
		if (attachment->hook == ATTACH_NONE &&
		    (other->hook == ATTACH_CLSACT || other->hook == ATTACH_DISPATCHER))
			return true;
	}
	return false;
}

static int take_off(const struct sluice *sw, const struct attachment *attachment,
		    struct sluice_error *error)
{
	char path[STATE_PATH_MAX];
	int result = 0;

	if (hook_is_link(attachment->hook)) {
		link_path(sw, attachment, attachment->hook, path);
		result = end_link(path);
	} else if (attachment->hook == ATTACH_DISPATCHER) {
		result = dispatcher_detach(attachment->ifindex, attachment->program);
	} else if (attachment->hook == ATTACH_CLSACT) {
		return clsact_detach(sw, attachment->ifindex, error);
	} else if (attachment->ifindex) {
		/* Its writer was killed before the hook was known. Links are found by their pins. */
		result = clsact_detach(sw, attachment->ifindex, error);
		if (!result && attachment->uplink)
			result = dispatcher_detach(attachment->ifindex, 0);
	}
	if (result)
		return sluice_error_set(error, result, "cannot detach from %s: %s",
					attachment->ifname, strerror(-result));
	return 0;
}

void detach_features(const struct attachment *attachment, const struct attachments *kept)
{
	for (size_t i = 0; i < attachment->change_count; i++) {
		const struct feature_change *change = &attachment->change[i];

		/* A far end that is gone has nothing to get back. */
		if (change->on != change->was && !change_kept(change, kept))
			switch_feature(change, change->was);
	}
}

int detach(const struct sluice *sw, const struct attachment *attachment,
	   const struct attachments *kept, struct sluice_error *error)
{
	int result = 0;

	libbpf_quiet();
	if (!place_kept(attachment, kept))
		result = take_off(sw, attachment, error);
	detach_features(attachment, kept);
	return result;
}

static int replace_link(const struct sluice *sw, const struct attachment *attachment, int program)
{
	char path[STATE_PATH_MAX];
	int fd, result = 0;

	link_path(sw, attachment, attachment->hook, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	/* A link that ended with its device needs no program. */
	if (link_ifindex(fd, NULL) && bpf_link_update(fd, program, NULL))
		result = -errno;
	close(fd);
	return result;
}

int attach_replace(const struct sluice *sw, struct attachment *attachment,
		   struct sluice_error *error)
{
	int xdp = attachment->uplink ? sw->program.sluice_uplink_xdp : sw->program.sluice_xdp;
	int tc = attachment->uplink ? sw->program.sluice_uplink_tc : sw->program.sluice_tc;
	__u32 old = attachment->program;
	int result = 0;

	libbpf_quiet();
	if (hook_is_link(attachment->hook)) {
		result = replace_link(sw, attachment, hook_is_xdp(attachment->hook) ? xdp : tc);
	} else if (attachment->hook == ATTACH_CLSACT) {
		return clsact_attach(sw, attachment->ifindex, tc, true, error);
	} else if (attachment->hook == ATTACH_DISPATCHER) {
		result = dispatcher_attach(sw, attachment->ifname, attachment->ifindex,
					   &attachment->program, error);
		return result ?: dispatcher_detach(attachment->ifindex, old);
	}
	if (result)
		return sluice_error_set(error, result, "cannot replace the program on %s: %s",
					attachment->ifname, strerror(-result));
	return 0;
}

/* --- looking --- */

static bool program_there(const struct sluice *sw, const struct attachment *attachment)
{
	char path[STATE_PATH_MAX];
	bool there;
	int fd;

	if (attachment->hook == ATTACH_CLSACT)
		return clsact_there(attachment->ifindex);
	if (attachment->hook == ATTACH_DISPATCHER)
		return dispatcher_has(attachment->ifindex, attachment->program);
	if (!hook_is_link(attachment->hook))
		return false;
	link_path(sw, attachment, attachment->hook, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	there = link_ifindex(fd, NULL) == attachment->ifindex;
	close(fd);
	return there;
}

const char *attachment_drift(const struct sluice *sw, const struct attachment *attachment,
			     const struct devices *devices)
{
	const struct device *device;

	if (!attachment->ifindex)
		return "device not there";
	device = device_by_index(devices, attachment->ifindex);
	if (!device || strcmp(device->name, attachment->ifname)) {
		if (device_by_name(devices, attachment->ifname))
			return "device made anew: its ifindex changed";
		/* Another device may have the ifindex by now; the program tells the two apart. */
		return device && program_there(sw, attachment) ? "device renamed" :
								 "device vanished";
	}
	if (!program_there(sw, attachment))
		return "program detached";
	return attachment->far_end_wrong;
}

int links_remove_others(const struct sluice *sw, const struct attachments *kept,
			struct sluice_error *error)
{
	char directory[STATE_PATH_MAX];
	struct dirent *entry;
	int result = 0;
	DIR *list;

	snprintf(directory, sizeof(directory), "%s/links", sw->pins);
	list = opendir(directory);
	if (!list)
		return errno == ENOENT ? 0 : sluice_error_set(error, -errno, "cannot read %s: %s",
							      directory, strerror(errno));
	while (!result && (entry = readdir(list))) {
		char path[2 * STATE_PATH_MAX], wanted[STATE_PATH_MAX];
		bool keep = entry->d_name[0] == '.';

		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		for (size_t i = 0; i < kept->count && !keep; i++) {
			link_path(sw, &kept->list[i], kept->list[i].hook, wanted);
			keep = hook_is_link(kept->list[i].hook) && !strcmp(path, wanted);
		}
		if (!keep)
			result = end_link(path);
	}
	closedir(list);
	if (result)
		return sluice_error_set(error, result, "cannot remove old links under %s: %s",
					directory, strerror(-result));
	return 0;
}
