/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A struct sluice: made, opened, closed.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/edits.h"
#include "loader/lock.h"
#include "loader/overlay.h"
#include "loader/netns.h"
#include "maps/layout.h"

static bool good_name(const char *name)
{
	size_t length = strlen(name);

	/* bpffs knows no dots in names. */
	return length && length < 32 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
		       length;
}

int switch_enter_netns(const char *name, struct sluice_error *error)
{
	int fd = netns_open(name), result = 0;

	if (fd < 0)
		return sluice_error_set(error, fd,
					"there is no network namespace %s: see 'ip netns' for those "
					"there are", name);
	if (setns(fd, CLONE_NEWNET))
		result = -errno;
	close(fd);
	if (!result)
		return 0;
	/* Who lacks a privilege is told which, as without a namespace. */
	return host_check_privileges(error) ?:
	       sluice_error_set(error, result, "cannot enter network namespace %s: %s", name,
				strerror(-result));
}

static struct sluice *empty_switch(void)
{
	struct sluice *sw = calloc(1, sizeof(*sw));

	if (!sw)
		return NULL;
	sw->lock_fd = -1;
#define X(name) sw->map.name = -1;
	SWITCH_MAPS(X)
#undef X
#define X(name) sw->program.name = -1;
	SWITCH_PROGRAMS(X)
#undef X
	return sw;
}

int switch_new(const struct sluice_options *options, struct sluice **sw, struct sluice_error *error)
{
	const char *name = options && options->name ? options->name : SLUICE_DEFAULT_SWITCH;
	const char *netns = options && options->netns ? options->netns : "";
	struct sluice *made;
	int result;

	if (!good_name(name))
		return sluice_error_set(error, -EINVAL,
					"a switch's name has 1 to 31 letters, digits, '_' and '-', "
					"which '%s' has not", name);
	if (*netns) {
		result = switch_enter_netns(netns, error);
		if (result)
			return result;
	}
	made = empty_switch();
	if (!made)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	snprintf(made->name, sizeof(made->name), "%s", name);
	snprintf(made->netns, sizeof(made->netns), "%s", netns);
	snprintf(made->pins, sizeof(made->pins), "%s/%s", SLUICE_PIN_ROOT, name);
	snprintf(made->state, sizeof(made->state), "%s/%s", SLUICE_STATE_ROOT, name);
	*sw = made;
	return 0;
}

/* How many elements a map has: those it was made with, whatever this library would make. */
static int map_entries(int fd, __u32 *entries, struct sluice_error *error)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return sluice_error_set(error, -errno, "cannot look at a map: %s", strerror(errno));
	*entries = info.max_entries;
	return 0;
}

static int map_memory(int fd, const char *name, size_t size, void **memory,
		      struct sluice_error *error)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return sluice_error_set(error, -errno, "cannot map the memory of %s: %s", name,
					strerror(errno));
	*memory = at;
	return 0;
}

int switch_map_memory(struct sluice *sw, struct sluice_error *error)
{
	void *control, *lines, *flows, *details, *tags, *usage;
	int result;

	sw->slots = ids_new(SLUICE_MAX_PORTS);
	sw->rules = ids_new(SLUICE_MAX_RULES);
	if (!sw->slots || !sw->rules)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	result = map_entries(sw->map.tables, &sw->line_count, error) ?:
		 map_entries(sw->map.flows, &sw->flow_buckets, error) ?:
		 map_memory(sw->map.control, "control", sizeof(struct control), &control, error);
	if (result)
		return result;
	sw->control = control;
	result = map_memory(sw->map.tables, "tables", sw->line_count * sizeof(struct table_line),
			    &lines, error);
	if (result)
		return result;
	sw->lines = lines;
	result = map_memory(sw->map.flows, "flows", sw->flow_buckets * sizeof(struct flow_bucket),
			    &flows, error);
	if (result)
		return result;
	sw->flows = flows;
	result = map_memory(sw->map.flow_details, "flow_details",
			    sw->flow_buckets * sizeof(struct flow_details), &details, error);
	if (result)
		return result;
	sw->flow_details = details;
	result = map_memory(sw->map.flow_tags, "flow_tags", sw->flow_buckets * sizeof(__u64), &tags,
			    error);
	if (result)
		return result;
	sw->flow_tags = tags;
	result = map_memory(sw->map.flow_usage, "flow_usage", SLUICE_MAX_PORTS * sizeof(__u64),
			    &usage, error);
	if (result)
		return result;
	sw->flow_usage = usage;
	return 0;
}

int switch_check_layout(const struct sluice *sw, struct sluice_error *error)
{
	if (sw->control->layout == SLUICE_LAYOUT)
		return 0;
	return sluice_error_set(error, -ENOTSUP,
				"switch %s was put up by another version of sluice, whose maps are laid "
				"out otherwise (%u, here %u), and runs on unchanged: use 'sluice export', "
				"'down', 'up -f'",
				sw->name, sw->control->layout, SLUICE_LAYOUT);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void unmap(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

void sluice_close(struct sluice *sw)
{
	if (!sw)
		return;
	lock_drop(sw);
	unmap(sw->control, sizeof(struct control));
	unmap(sw->lines, sw->line_count * sizeof(struct table_line));
	unmap(sw->flows, sw->flow_buckets * sizeof(struct flow_bucket));
	unmap(sw->flow_details, sw->flow_buckets * sizeof(struct flow_details));
	unmap(sw->flow_tags, sw->flow_buckets * sizeof(__u64));
	unmap(sw->flow_usage, SLUICE_MAX_PORTS * sizeof(__u64));
#define X(name) close_fd(sw->map.name);
	SWITCH_MAPS(X)
#undef X
#define X(name) close_fd(sw->program.name);
	SWITCH_PROGRAMS(X)
#undef X
	ids_free(sw->slots);
	ids_free(sw->rules);
	overlays_free(sw->overlays);
	sluice_config_free(sw->config);
	free(sw);
}

static int check_places(const struct sluice *sw, struct sluice_error *error)
{
	const char *const places[] = { SLUICE_STATE_ROOT, sw->state, SLUICE_PIN_ROOT, sw->pins };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int result = state_check_directory(places[i], error);

		if (result == -ENOENT)
			return sluice_error_set(error, -ENOTCONN,
						"switch %s is not up: 'sluice up' puts it on", sw->name);
		if (result)
			return result;
	}
	return 0;
}

static int open_running(struct sluice *sw, struct sluice_error *error)
{
	int result = host_check(error) ?: check_places(sw, error) ?:
		     switch_open_pins(sw, error) ?: switch_map_memory(sw, error);

	if (result)
		return result;
	if (!__atomic_load_n(&sw->control->root, __ATOMIC_ACQUIRE))
		return sluice_error_set(error, -ENOTCONN,
					"switch %s is not up: 'sluice up' puts it on", sw->name);
	return state_check_netns(sw, NULL, error) ?: switch_read_ids(sw, error);
}

int sluice_open(const struct sluice_options *options, struct sluice **sw,
		struct sluice_error *error)
{
	struct sluice *opened;
	int result;

	result = switch_new(options, &opened, error);
	if (result)
		return result;
	result = open_running(opened, error);
	if (result) {
		sluice_close(opened);
		return result;
	}
	*sw = opened;
	return 0;
}

static int stat_ids(const struct sluice *sw, const char *name, struct stat *info,
		    struct sluice_error *error)
{
	char path[STATE_PATH_MAX];

	state_path(sw, name, path);
	if (stat(path, info))
		return sluice_error_set(error, -errno, "cannot read %s: %s", path, strerror(errno));
	return 0;
}

int switch_note_ids(struct sluice *sw, struct sluice_error *error)
{
	struct stat slots, rules;
	int result = stat_ids(sw, "slots", &slots, error) ?: stat_ids(sw, "rules", &rules, error);

	if (result)
		return result;
	sw->slots_file.inode = slots.st_ino;
	sw->slots_file.time = slots.st_mtim;
	sw->rules_file.inode = rules.st_ino;
	sw->rules_file.time = rules.st_mtim;
	return 0;
}

void switch_doubt_ids(struct sluice *sw)
{
	sw->slots_file.inode = 0;
	sw->rules_file.inode = 0;
	sw->numbered_version = 0;
}

static bool same_file(ino_t inode, struct timespec time, const struct stat *info)
{
	/* Every save is a new file. */
	return inode == info->st_ino && time.tv_sec == info->st_mtim.tv_sec &&
	       time.tv_nsec == info->st_mtim.tv_nsec;
}

/* Numbers that the file of rules has not, because their version is not written whole. */
static int read_edits_ids(struct sluice *sw, struct sluice_error *error)
{
	__u32 version = sw->control->root ? switch_root(sw)->version : 0;
	struct edits edits;
	int result;

	if (!version || version == sw->numbered_version)
		return 0;
	result = edits_read(sw, version, &edits, error);
	if (!result) {
		result = edits_number(&edits, sw->rules, error);
		edits_free(&edits);
	}
	if (result && result != -ENOENT)
		return result;
	sw->numbered_version = version;
	return 0;
}

/* The slots that the running version uses are its ports', whatever a change that was killed, or is not
 * done yet, has released and written. */
static int keep_running_slots(struct sluice *sw, struct sluice_error *error)
{
	const struct root *root = switch_root(sw);
	const struct port *ports = (const struct port *)&sw->lines[root->ports];

	if (!sw->control->root)
		return 0;
	for (__u32 slot = 1; slot < root->port_count; slot++) {
		const char *name = ids_key(sw->slots, slot);

		if (ports[slot].flags & PORT_IN_USE && name && ids_put(sw->slots, slot, name))
			return sluice_error_set(error, -ENOMEM, "out of memory");
	}
	return 0;
}

int switch_read_ids(struct sluice *sw, struct sluice_error *error)
{
	char slots_path[STATE_PATH_MAX], rules_path[STATE_PATH_MAX];
	struct stat slots, rules;
	int result = stat_ids(sw, "slots", &slots, error) ?: stat_ids(sw, "rules", &rules, error);

	if (result)
		return result;
	state_path(sw, "slots", slots_path);
	state_path(sw, "rules", rules_path);
	if (!same_file(sw->slots_file.inode, sw->slots_file.time, &slots))
		result = ids_load(sw->slots, slots_path, error) ?: keep_running_slots(sw, error);
	if (!result && !same_file(sw->rules_file.inode, sw->rules_file.time, &rules)) {
		result = ids_load(sw->rules, rules_path, error);
		sw->numbered_version = 0;
	}
	result = result ?: read_edits_ids(sw, error);
	if (result)
		return result;
	/* As they were before they were read: a save in between is read the next time. */
	sw->slots_file.inode = slots.st_ino;
	sw->slots_file.time = slots.st_mtim;
	sw->rules_file.inode = rules.st_ino;
	sw->rules_file.time = rules.st_mtim;
	return 0;
}

const struct root *switch_root(const struct sluice *sw)
{
	return (const struct root *)&sw->lines[__atomic_load_n(&sw->control->root,
							       __ATOMIC_ACQUIRE)];
}
