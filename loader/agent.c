/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watcher: follows the namespace's devices by netlink, and makes the running version anew when one
 * that it has to do with comes, goes or is made again. VFs that get a driver or lose it, in whatever
 * namespace their devices are, are told by the kernel's events of PCI devices. Nothing on the packets'
 * way needs it: without it `sluice apply` does the same by hand.
 *
 * The socket is bound before the first look, so that nothing is missed in between; when the kernel
 * says that it lost messages, that is a change like any other.
 *
 * Where ports are of mode offload, it also looks every second what NICs carry (loader/offload.c).
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <string.h>

#include "loader/attach.h"
#include "loader/confirm.h"
#include "loader/function.h"
#include "loader/offload.h"

#define POLL_MS 500
#define OFFLOAD_MS 1000
/* A look at a large flow table takes long: no more than a twentieth of the time goes into it. */
#define OFFLOAD_SHARE 20
#define VF_MS 1000
#define LOCK_SECONDS 10

enum { SOCKET_LINKS, SOCKET_EVENTS, SOCKET_COUNT };

#define EVENTS_OF_KERNEL 1 /* the multicast group of NETLINK_KOBJECT_UEVENT */

struct agent {
	struct mnl_socket *socket[SOCKET_COUNT];
	struct sluice *sw;
	sluice_agent_visitor visit;
	void *context;
	unsigned long long offload_due; /* in ms, when NICs are looked at next */
	char offload_said[sizeof(((struct sluice_error *)NULL)->message)];
	bool vf_waits;                /* for its guest, which may take it without a word to us */
	unsigned long long vf_due;    /* in ms, when it is looked at next */
};

static int note_link(const struct nlmsghdr *message, void *context)
{
	bool *changed = context;

	*changed |= message->nlmsg_type == RTM_NEWLINK || message->nlmsg_type == RTM_DELLINK;
	return MNL_CB_OK;
}

/* Reads the messages there are on one socket. */
static int read_messages(struct agent *agent, int which, bool *changed, struct sluice_error *error)
{
	static const char pci[] = "SUBSYSTEM=pci";
	char buffer[16384];
	ssize_t length = mnl_socket_recvfrom(agent->socket[which], buffer, sizeof(buffer));

	if (length < 0 && errno == ENOBUFS)
		*changed = true;
	else if (length < 0 && errno != EINTR)
		return sluice_error_set(error, -errno, "cannot follow the network devices: %s",
					strerror(errno));
	else if (length > 0 && which == SOCKET_EVENTS)
		*changed |= memmem(buffer, (size_t)length, pci, sizeof(pci)) != NULL;
	else if (length > 0)
		mnl_cb_run(buffer, (size_t)length, 0, 0, note_link, changed);
	return 0;
}

/* Waits for messages and reads those there are. *changed: a device came, went or became another. */
static int listen_once(struct agent *agent, bool *changed, struct sluice_error *error)
{
	struct pollfd wait[SOCKET_COUNT];
	int result = 0;

	for (int i = 0; i < SOCKET_COUNT; i++)
		wait[i] = (struct pollfd){ .fd = mnl_socket_get_fd(agent->socket[i]),
					   .events = POLLIN };
	if (poll(wait, SOCKET_COUNT, POLL_MS) <= 0)
		return 0;
	for (int i = 0; i < SOCKET_COUNT && !result; i++)
		if (wait[i].revents)
			result = read_messages(agent, i, changed, error);
	return result;
}

/* Whether a port's VF is another, came, went, or is not as the switch has set it up. */
static bool function_differs(const struct sluice_config *config, const struct attachments *wanted,
			     const struct attachments *running, size_t index)
{
	const struct function *now = &wanted->list[index].placement.function;
	const struct function *before = &running->list[index].placement.function;

	return index < config->port_count &&
	       (now->ifindex != before->ifindex || now->number != before->number ||
		now->carries != before->carries || function_drift(&config->ports[index], now));
}

/* A port whose VF went is reached by its own device from now on, while the version that says so is being
 * made: as if its guest sent by that. */
static void fall_back(const struct sluice *sw, const struct sluice_port *port,
		      const struct function *now, const struct function *before)
{
	__u32 slot = ids_find(sw->slots, port->name), none = 0;

	/* Where it fails, that version does it. */
	if (before->carries && !now->carries && slot)
		bpf_map_update_elem(sw->map.sending_vfs, &slot, &none, BPF_EXIST);
}

static bool vf_waits(const struct sluice_port *port, const struct function *function)
{
	return port->acceleration == SLUICE_ACCELERATION_VF && function->ifindex &&
	       !function->carries;
}

/* Whether a running attachment's device is not the one that the document now means. */
static bool devices_differ(struct agent *agent, const struct sluice_config *config)
{
	struct attachments running = {}, wanted = {};
	struct devices devices = {};
	bool differ = false;

	agent->vf_waits = false;
	if (!attachments_read(agent->sw, &running, NULL) && !devices_read(&devices, NULL) &&
	    !attachments_resolve(config, &devices, &running, true, &wanted, NULL)) {
		differ = running.count != wanted.count;
		for (size_t i = 0; i < config->port_count; i++) {
			const struct function *function = &wanted.list[i].placement.function;

			agent->vf_waits |= vf_waits(&config->ports[i], function);
			if (i < running.count)
				fall_back(agent->sw, &config->ports[i], function,
					  &running.list[i].placement.function);
		}
		for (size_t i = 0; i < wanted.count && !differ; i++)
			differ = wanted.list[i].ifindex != running.list[i].ifindex ||
				 wanted.list[i].second != running.list[i].second ||
				 wanted.list[i].placement.mtu != running.list[i].placement.mtu ||
				 function_differs(config, &wanted, &running, i) ||
				 (wanted.list[i].ifindex &&
				  attachment_drift(agent->sw, &running.list[i], &devices));
	}
	attachments_free(&running);
	attachments_free(&wanted);
	devices_free(&devices);
	return differ;
}

/* One look under the lock. -EBUSY, -ENODEV: to be tried again with the next change. */
static int look(struct agent *agent, struct sluice_error *error)
{
	struct sluice *sw = agent->sw;
	struct sluice_config *config;
	unsigned int before, version;
	int result = sluice_lock(sw, LOCK_SECONDS, error);

	if (result)
		return result;
	result = sluice_running(sw, &before, &config, error);
	if (!result) {
		version = before;
		/* A change that waits to be confirmed is left to who made it. */
		if (sluice_pending(sw) < 0 && devices_differ(agent, config))
			result = switch_commit(sw, config, "agent: devices changed",
					       COMMIT_TOLERATE_MISSING, &version, error);
		sluice_config_free(config);
		if (!result && version != before)
			agent->visit(version, NULL, agent->context);
	}
	sluice_unlock(sw);
	return result;
}

static unsigned long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What is wrong is said once, not every second. */
static void say_offload(struct agent *agent, int result, const struct sluice_error *said)
{
	const char *message = result ? said->message : "";

	if (result && strcmp(message, agent->offload_said))
		agent->visit(0, said, agent->context);
	snprintf(agent->offload_said, sizeof(agent->offload_said), "%s", message);
}

static void look_at_nics(struct agent *agent)
{
	unsigned long long begin = now_ms(), took;
	struct sluice_offload_look done;
	struct sluice_error said = { 0 };
	int result;

	if (begin < agent->offload_due || !offload_wanted(agent->sw))
		return;
	result = sluice_lock(agent->sw, 0, &said);
	/* A writer is at it, and takes everything back: the next look will do. */
	if (result == -EBUSY)
		return;
	if (!result) {
		result = sluice_offload_look_once(agent->sw, &done, &said);
		sluice_unlock(agent->sw);
	}
	say_offload(agent, result, &said);
	took = now_ms() - begin;
	agent->offload_due = begin + (took * OFFLOAD_SHARE > OFFLOAD_MS ? took * OFFLOAD_SHARE : OFFLOAD_MS);
}

/* A device that moves into its guest's namespace is told of where it was, which may not be here. */
static bool look_at_vfs_is_due(struct agent *agent)
{
	unsigned long long now = now_ms();

	if (!agent->vf_waits || now < agent->vf_due)
		return false;
	agent->vf_due = now + VF_MS;
	return true;
}

static bool is_up(const struct sluice *sw)
{
	return __atomic_load_n(&sw->control->root, __ATOMIC_ACQUIRE);
}

static int follow(struct agent *agent, bool (*stop)(void *), struct sluice_error *error)
{
	bool changed = true;
	int result = 0;

	while (!result && !stop(agent->context)) {
		struct sluice_error said = { 0 };

		/* The maps of a switch that is taken off live on here, and say nothing more. */
		if (!is_up(agent->sw))
			return sluice_error_set(error, -ENOTCONN, "switch %s was taken off",
						agent->sw->name);
		if (changed) {
			changed = false;
			/* A device that went while it was being attached, a writer that takes long:
			 * said, and tried again with what comes. */
			if (look(agent, &said))
				agent->visit(0, &said, agent->context);
		}
		look_at_nics(agent);
		result = listen_once(agent, &changed, error);
		changed |= look_at_vfs_is_due(agent);
	}
	return result;
}

/* An agent that ends leaves nothing to devices that nobody looks at. */
static void take_back(struct sluice *sw)
{
	if (!is_up(sw) || !offload_wanted(sw) || sluice_lock(sw, LOCK_SECONDS, NULL))
		return;
	offload_withdraw(sw, NULL);
	sluice_unlock(sw);
}

int sluice_agent(struct sluice *sw, sluice_agent_visitor visit, bool (*stop)(void *context),
		 void *context, struct sluice_error *error)
{
	struct agent agent = { .sw = sw, .visit = visit, .context = context };
	static const struct {
		int bus;
		unsigned int groups;
	} sources[SOCKET_COUNT] = {
		[SOCKET_LINKS] = { NETLINK_ROUTE, RTMGRP_LINK },
		[SOCKET_EVENTS] = { NETLINK_KOBJECT_UEVENT, EVENTS_OF_KERNEL },
	};
	int result = 0;

	for (int i = 0; i < SOCKET_COUNT && !result; i++) {
		agent.socket[i] = mnl_socket_open(sources[i].bus);
		if (!agent.socket[i] ||
		    mnl_socket_bind(agent.socket[i], sources[i].groups, MNL_SOCKET_AUTOPID))
			result = sluice_error_set(error, -errno,
						  "cannot follow the network devices: %s",
						  strerror(errno));
	}
	if (!result) {
		result = follow(&agent, stop, error);
		take_back(sw);
	}
	for (int i = 0; i < SOCKET_COUNT; i++)
		if (agent.socket[i])
			mnl_socket_close(agent.socket[i]);
	return result;
}
