/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program at the far ends of AF_XDP ports, and the XSKMAP it delivers through. Each port has
 * its own of both: the program is loaded over the switch's maps once for each of them.
 */
#include "loader/xsk.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/xsk.skel.h"
#include "loader/load.h"
#include "loader/netns.h"
#include "loader/state.h"

_Static_assert(STATE_PATH_MAX == 256, "as loader/xsk.h says");

/* --- names --------------------------------------------------------------------------------- */

/* bpffs keeps names with dots for itself; a port's name has no "+". */
static void pin_name(const char *port, char name[64])
{
	snprintf(name, 64, "%s", port);
	for (char *dot = name; (dot = strchr(dot, '.'));)
		*dot = '+';
}

void xsk_map_path(const struct sluice *sw, const char *port, char path[STATE_PATH_MAX])
{
	char name[64];

	pin_name(port, name);
	snprintf(path, STATE_PATH_MAX, "%s/xsks/%s", sw->pins, name);
}

static void link_name(__u32 slot, __u32 ifindex, char name[32])
{
	snprintf(name, 32, "%u-%u", slot, ifindex);
}

static void link_path(const struct sluice *sw, const char *name, char path[STATE_PATH_MAX])
{
	snprintf(path, STATE_PATH_MAX, "%s/xsk_links/%.31s", sw->pins, name);
}

/* --- the program --------------------------------------------------------------------------- */

static int switch_map(const struct sluice *sw, const char *name)
{
#define X(map_name)                     \
	if (!strcmp(name, #map_name))   \
		return sw->map.map_name;
	SWITCH_MAPS(X)
#undef X
	return -1;
}

/* Every map of the object is the switch's own but the XSKMAP. */
static int adopt_maps(const struct sluice *sw, struct xsk_bpf *object, int sockets)
{
	struct bpf_map *map;
	int result = 0;

	bpf_object__for_each_map(map, object->obj) {
		int fd = map == object->maps.sockets ? sockets : switch_map(sw, bpf_map__name(map));

		/* .rodata has no fd yet; it and a new XSKMAP are made. */
		if (!result && fd >= 0)
			result = bpf_map__reuse_fd(map, fd);
	}
	return result;
}

/* Opens the object over the maps of sw, for the port in a slot. sockets: its XSKMAP, -1 for a new one. */
static int open_far_end(const struct sluice *sw, __u32 slot, int sockets, struct xsk_bpf **object)
{
	struct xsk_bpf *opened;
	int result;

	libbpf_quiet();
	opened = xsk_bpf__open();
	if (!opened)
		return -errno;
	opened->rodata->slot = slot;
	result = adopt_maps(sw, opened, sockets) ?: xsk_bpf__load(opened);
	if (result) {
		xsk_bpf__destroy(opened);
		return result;
	}
	*object = opened;
	return 0;
}

static __u32 link_device(int fd)
{
	struct bpf_link_info info = {};
	__u32 length = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &length) ? 0 : info.xdp.ifindex;
}

/* --- one port ------------------------------------------------------------------------------ */

static int replace_pin(int fd, const char *path)
{
	if (unlink(path) && errno != ENOENT)
		return -errno;
	return bpf_obj_pin(fd, path) ? -errno : 0;
}

static int link_there(const struct peer *far, int program)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	int own = netns_enter(far->netns), link;

	if (own < 0)
		return own;
	link = bpf_link_create(program, (int)far->ifindex, BPF_XDP, &options);
	netns_leave(own);
	return link;
}

/* Sockets find the map before frames find it, and the map is known by its slot before the link is. */
static int pin_far_end(const struct sluice *sw, const struct sluice_port *port, __u32 slot,
		       __u32 ifindex, const struct xsk_bpf *object, const struct peer *far)
{
	int sockets = bpf_map__fd(object->maps.sockets), link, result;
	char path[STATE_PATH_MAX], name[32];

	xsk_map_path(sw, port->name, path);
	result = replace_pin(sockets, path);
	if (!result && bpf_map_update_elem(sw->map.consumers, &slot, &sockets, BPF_ANY))
		result = -errno;
	if (result)
		return result;
	link = link_there(far, bpf_program__fd(object->progs.sluice_xsk));
	if (link < 0)
		return link;
	link_name(slot, ifindex, name);
	link_path(sw, name, path);
	result = replace_pin(link, path);
	close(link);
	return result;
}

static int attach_one(const struct sluice *sw, const struct sluice_port *port, __u32 slot,
		      const struct device *near, struct sluice_error *error)
{
	struct xsk_bpf *object;
	struct peer far;
	int result = peer_find(near, &far, error);

	if (result)
		return result;
	result = open_far_end(sw, slot, -1, &object);
	if (result) {
		peer_free(&far);
		return sluice_error_set(
			error, result,
			"port %s: the kernel does not take the program for AF_XDP: %s "
			"(%s)",
			port->name, strerror(-result), libbpf_complaint());
	}
	result = pin_far_end(sw, port, slot, near->ifindex, object, &far);
	if (result == -EBUSY || result == -EEXIST)
		sluice_error_set(
			error, -EBUSY,
			"port %s: %s, the other end of %s, has an XDP program already: take it "
			"off with 'ip link set %s xdp off' there",
			port->name, far.name, near->name, far.name);
	else if (result)
		sluice_error_set(error, result,
				 "port %s: cannot attach to %s, the other end of %s: %s",
				 port->name, far.name, near->name, strerror(-result));
	xsk_bpf__destroy(object);
	peer_free(&far);
	return result;
}

bool xsk_in_place(const struct sluice *sw, __u32 slot, __u32 ifindex)
{
	char path[STATE_PATH_MAX], name[32];
	__u32 map, there;
	int fd;

	link_name(slot, ifindex, name);
	link_path(sw, name, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	there = link_device(fd);
	close(fd);
	return there && !bpf_map_lookup_elem(sw->map.consumers, &slot, &map);
}

static bool port_in_place(const struct sluice *sw, const struct sluice_port *port, __u32 slot,
			  __u32 ifindex)
{
	char path[STATE_PATH_MAX];

	xsk_map_path(sw, port->name, path);
	return !access(path, F_OK) && xsk_in_place(sw, slot, ifindex);
}

/* --- all ports ----------------------------------------------------------------------------- */

/* Which port of config is in a slot, on a device, as af_xdp; NULL: none. */
static const struct sluice_port *port_of(const struct sluice *sw,
					 const struct sluice_config *config,
					 const struct attachments *attachments, __u32 slot,
					 __u32 ifindex)
{
	for (size_t i = 0; config && i < config->port_count; i++)
		if (attachments->list[i].xsk && attachments->list[i].ifindex == ifindex &&
		    ids_find(sw->slots, config->ports[i].name) == slot)
			return &config->ports[i];
	return NULL;
}

static int remove_link(const struct sluice *sw, const char *name, __u32 slot)
{
	char path[STATE_PATH_MAX];
	int fd;

	link_path(sw, name, path);
	fd = bpf_obj_get(path);
	if (fd >= 0) {
		bpf_link_detach(fd); /* ENOLINK and the like: it ended with its device */
		close(fd);
	}
	if (unlink(path) && errno != ENOENT)
		return -errno;
	return sw->map.consumers >= 0 && bpf_map_delete_elem(sw->map.consumers, &slot) &&
			       errno != ENOENT
		       ? -errno
		       : 0;
}

/* Calls visit for each name in a directory of the pins; what is not there has none. */
static int each_pin(const struct sluice *sw, const char *directory,
		    int (*visit)(const char *name, void *context), void *context)
{
	char path[STATE_PATH_MAX];
	struct dirent *entry;
	int result = 0;
	DIR *list;

	snprintf(path, sizeof(path), "%s/%s", sw->pins, directory);
	list = opendir(path);
	if (!list)
		return errno == ENOENT ? 0 : -errno;
	while (!result && (entry = readdir(list)))
		if (entry->d_name[0] != '.')
			result = visit(entry->d_name, context);
	closedir(list);
	return result;
}

struct wanted {
	const struct sluice *sw;
	const struct sluice_config *config;
	const struct attachments *attachments;
	const struct sluice_port *only; /* links of its slot or its device alone, or NULL */
	__u32 slot, ifindex;
};

static int remove_unwanted_link(const char *name, void *context)
{
	const struct wanted *wanted = context;
	__u32 slot, ifindex;

	if (sscanf(name, "%u-%u", &slot, &ifindex) != 2)
		return 0;
	if (wanted->only && slot != wanted->slot && ifindex != wanted->ifindex)
		return 0;
	if (port_of(wanted->sw, wanted->config, wanted->attachments, slot, ifindex))
		return 0;
	return remove_link(wanted->sw, name, slot);
}

static int remove_unwanted_map(const char *name, void *context)
{
	const struct wanted *wanted = context;
	char path[STATE_PATH_MAX], port[64];

	for (size_t i = 0; wanted->config && i < wanted->config->port_count; i++) {
		pin_name(wanted->config->ports[i].name, port);
		if (wanted->config->ports[i].acceleration == SLUICE_ACCELERATION_AF_XDP &&
		    !strcmp(port, name))
			return 0;
	}
	snprintf(path, sizeof(path), "%.120s/xsks/%.63s", wanted->sw->pins, name);
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

/* Takes off the program that another port had put at the far end of this one's device. */
static int make_room(const struct sluice *sw, const struct sluice_config *config,
		     const struct attachments *attachments, const struct sluice_port *port,
		     __u32 slot, __u32 ifindex)
{
	struct wanted wanted = { sw, config, attachments, port, slot, ifindex };

	return each_pin(sw, "xsk_links", remove_unwanted_link, &wanted);
}

static int make_directories(const struct sluice *sw, struct sluice_error *error)
{
	char links[STATE_PATH_MAX], maps[STATE_PATH_MAX];

	snprintf(links, sizeof(links), "%s/xsk_links", sw->pins);
	snprintf(maps, sizeof(maps), "%s/xsks", sw->pins);
	return state_private_directory(links, error) ?: state_private_directory(maps, error);
}

int xsk_attach_all(const struct sluice *sw, const struct sluice_config *config,
		   const struct devices *devices, const struct attachments *attachments,
		   struct sluice_error *error)
{
	int result = 0;

	for (size_t i = 0; i < config->port_count && !result; i++) {
		const struct sluice_port *port = &config->ports[i];
		__u32 ifindex = attachments->list[i].ifindex;
		__u32 slot = ids_find(sw->slots, port->name);
		const struct device *near = device_by_index(devices, ifindex);

		if (!attachments->list[i].xsk || !near || port_in_place(sw, port, slot, ifindex))
			continue;
		result = make_directories(sw, error);
		if (result)
			return result;
		result = make_room(sw, config, attachments, port, slot, ifindex);
		if (result)
			return sluice_error_set(
				error, result,
				"port %s: cannot take off what is at the far end of %s: "
				"%s",
				port->name, near->name, strerror(-result));
		result = attach_one(sw, port, slot, near, error);
	}
	return result;
}

int xsk_detach_others(const struct sluice *sw, const struct sluice_config *config,
		      const struct attachments *attachments, struct sluice_error *error)
{
	struct wanted wanted = { .sw = sw, .config = config, .attachments = attachments };
	int result = each_pin(sw, "xsk_links", remove_unwanted_link, &wanted)
			     ?: each_pin(sw, "xsks", remove_unwanted_map, &wanted);

	if (result)
		return sluice_error_set(error, result, "cannot take off the AF_XDP programs: %s",
					strerror(-result));
	return 0;
}

/* --- newer programs ------------------------------------------------------------------------ */

static int open_sockets(const struct sluice *sw, __u32 slot)
{
	__u32 id;

	return bpf_map_lookup_elem(sw->map.consumers, &slot, &id) ? -errno
								  : bpf_map_get_fd_by_id(id);
}

static int replace_one(const char *name, void *context)
{
	const struct sluice *sw = context;
	char path[STATE_PATH_MAX];
	struct xsk_bpf *object;
	int link, sockets, result;
	__u32 slot, ifindex;

	if (sscanf(name, "%u-%u", &slot, &ifindex) != 2)
		return 0;
	link_path(sw, name, path);
	link = bpf_obj_get(path);
	if (link < 0)
		return errno == ENOENT ? 0 : -errno;
	sockets = open_sockets(sw, slot);
	result = sockets < 0 ? sockets : open_far_end(sw, slot, sockets, &object);
	if (!result) {
		/* A link that ended with its device needs no program. */
		if (link_device(link) &&
		    bpf_link_update(link, bpf_program__fd(object->progs.sluice_xsk), NULL))
			result = -errno;
		xsk_bpf__destroy(object);
	}
	if (sockets >= 0)
		close(sockets);
	close(link);
	return result;
}

int xsk_replace_all(const struct sluice *sw, struct sluice_error *error)
{
	int result = each_pin(sw, "xsk_links", replace_one, (void *)sw);

	if (result)
		return sluice_error_set(error, result, "cannot replace the AF_XDP programs: %s",
					strerror(-result));
	return 0;
}
