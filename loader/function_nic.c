/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a NIC does with the VFs that are ports: whose MAC and VLAN each has, and that what they send
 * arrives at the NIC's own device.
 */
#include "loader/function.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "loader/netns.h"

/* A VF as the driver of its NIC reports it. */
struct setting {
	bool there;
	unsigned char mac[6];
	__u32 vlan;
	__u32 checks;  /* whether the NIC refuses frames of a foreign MAC; all ones: it can not */
	__u32 trusted; /* whether the guest may change what it is */
};

struct inquiry {
	__u32 number;
	struct setting setting;
};

static void read_setting(const struct nlattr *info, struct inquiry *inquiry)
{
	const struct nlattr *attribute;
	struct setting setting = { .there = true };
	__u32 number = ~0U;

	mnl_attr_for_each_nested(attribute, info) {
		const void *value = mnl_attr_get_payload(attribute);

		switch (mnl_attr_get_type(attribute)) {
		case IFLA_VF_MAC:
			number = ((const struct ifla_vf_mac *)value)->vf;
			memcpy(setting.mac, ((const struct ifla_vf_mac *)value)->mac, 6);
			break;
		case IFLA_VF_VLAN:
			setting.vlan = ((const struct ifla_vf_vlan *)value)->vlan;
			break;
		case IFLA_VF_SPOOFCHK:
			setting.checks = ((const struct ifla_vf_spoofchk *)value)->setting;
			break;
		case IFLA_VF_TRUST:
			setting.trusted = ((const struct ifla_vf_trust *)value)->setting;
			break;
		}
	}
	if (number == inquiry->number)
		inquiry->setting = setting;
}

static void read_settings(const struct nlattr *list, struct inquiry *inquiry)
{
	const struct nlattr *info;

	mnl_attr_for_each_nested(info, list) {
		read_setting(info, inquiry);
	}
}

static int read_link(const struct nlmsghdr *message, void *context)
{
	const struct nlattr *attribute;

	if (message->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	mnl_attr_for_each(attribute, message, sizeof(struct ifinfomsg)) {
		if (mnl_attr_get_type(attribute) == IFLA_VFINFO_LIST)
			read_settings(attribute, context);
	}
	return MNL_CB_OK;
}

static struct nlmsghdr *link_message(void *buffer, __u16 type, __u32 ifindex)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *link;

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST;
	link = mnl_nlmsg_put_extra_header(message, sizeof(*link));
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = (int)ifindex;
	return message;
}

static int setting_get(const struct function *function, struct setting *setting)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *message = link_message(buffer, RTM_GETLINK, function->ifindex);
	struct inquiry inquiry = { .number = function->number };
	int result;

	mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_VF);
	result = netlink_talk(-1, message, read_link, &inquiry);
	*setting = inquiry.setting;
	return result;
}

static bool can_check(const struct setting *setting)
{
	return setting->checks != ~0U;
}

/* Tells the NIC only what it does not know: to set a MAC takes a VF from its guest for a moment. */
static int setting_put(const struct function *function, const unsigned char mac[6],
		       const struct setting *now)
{
	char buffer[1024] __attribute__((aligned(8)));
	struct nlmsghdr *message = link_message(buffer, RTM_SETLINK, function->ifindex);
	struct ifla_vf_mac address = { .vf = function->number };
	struct ifla_vf_vlan vlan = { .vf = function->number, .vlan = function_vlan(function) };
	struct ifla_vf_spoofchk check = { .vf = function->number, .setting = 1 };
	struct ifla_vf_trust trust = { .vf = function->number, .setting = 0 };
	struct nlattr *list = mnl_attr_nest_start(message, IFLA_VFINFO_LIST);
	struct nlattr *info = mnl_attr_nest_start(message, IFLA_VF_INFO);

	memcpy(address.mac, mac, 6);
	if (memcmp(now->mac, mac, 6))
		mnl_attr_put(message, IFLA_VF_MAC, sizeof(address), &address);
	if (now->vlan != vlan.vlan)
		mnl_attr_put(message, IFLA_VF_VLAN, sizeof(vlan), &vlan);
	if (can_check(now) && now->checks != 1)
		mnl_attr_put(message, IFLA_VF_SPOOFCHK, sizeof(check), &check);
	if (now->trusted == 1)
		mnl_attr_put(message, IFLA_VF_TRUST, sizeof(trust), &trust);
	mnl_attr_nest_end(message, info);
	mnl_attr_nest_end(message, list);
	return netlink_talk(-1, message, NULL, NULL);
}

static bool is_set(const struct function *function, const unsigned char mac[6],
		   const struct setting *now)
{
	return !memcmp(now->mac, mac, 6) && now->vlan == function_vlan(function) &&
	       (!can_check(now) || now->checks == 1) && now->trusted != 1;
}

/* --- what the NIC takes in --- */

/* The switch's MAC in the NIC's filter: guests send everything there. */
static int mac_filter(const struct sluice *sw, __u32 ifindex, bool on)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	unsigned char mac[6];
	struct ndmsg *entry;
	int result;

	message->nlmsg_type = on ? RTM_NEWNEIGH : RTM_DELNEIGH;
	message->nlmsg_flags = NLM_F_REQUEST | (on ? NLM_F_CREATE | NLM_F_EXCL : 0);
	entry = mnl_nlmsg_put_extra_header(message, sizeof(*entry));
	entry->ndm_family = AF_BRIDGE;
	entry->ndm_ifindex = (int)ifindex;
	entry->ndm_state = NUD_PERMANENT;
	entry->ndm_flags = NTF_SELF;
	switch_mac(sw->name, mac);
	mnl_attr_put(message, NDA_LLADDR, sizeof(mac), mac);
	result = netlink_talk(-1, message, NULL, NULL);
	if (on)
		return result == -EEXIST ? 0 : result;
	return result == -ENOENT || result == -ENODEV ? 0 : result;
}

#define VLAN_DEVICE_NAME "slv%u.%u"

static int vlan_device_make(const struct function *function)
{
	char buffer[512] __attribute__((aligned(8))), name[32];
	struct nlmsghdr *message = link_message(buffer, RTM_NEWLINK, 0);
	struct nlattr *info, *data;
	int result;

	snprintf(name, sizeof(name), VLAN_DEVICE_NAME, function->ifindex, function->number);
	message->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	mnl_attr_put_u32(message, IFLA_LINK, function->ifindex);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "vlan");
	data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	mnl_attr_put_u16(message, IFLA_VLAN_ID, function_vlan(function));
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	result = netlink_talk(-1, message, NULL, NULL);
	return result == -EEXIST ? 0 : result;
}

/* --- all of a port's --- */

static int attach_one(const struct sluice *sw, const struct sluice_port *port,
		      const struct function *function, struct sluice_error *error)
{
	struct setting now;
	int result = setting_get(function, &now);

	if (result)
		return sluice_error_set(error, result, "port %s: cannot ask %s about its VF %u: %s",
					port->name, port->fast_device, function->number,
					strerror(-result));
	if (!now.there) /* it is set up when it comes */
		return 0;
	result = is_set(function, port->mac, &now) ? 0 : setting_put(function, port->mac, &now);
	if (result)
		return sluice_error_set(error, result,
					"port %s: %s refuses MAC, VLAN %u or checks of its VF %u (%s): its "
					"driver has to know 'ip link set %s vf %u vlan %u'", port->name,
					port->fast_device, function_vlan(function), function->number,
					strerror(-result), port->fast_device, function->number,
					function_vlan(function));
	result = vlan_device_make(function);
	if (result)
		return sluice_error_set(error, result,
					"port %s: cannot make %s take VLAN %u in (%s)%s", port->name,
					port->fast_device, function_vlan(function), strerror(-result),
					result == -EOPNOTSUPP ? ": 'modprobe 8021q'" : "");
	result = mac_filter(sw, function->ifindex, true);
	if (result)
		return sluice_error_set(error, result,
					"port %s: cannot add the switch's MAC to the filter of %s: %s",
					port->name, port->fast_device, strerror(-result));
	return 0;
}

int functions_attach_all(const struct sluice *sw, const struct sluice_config *config,
			 const struct attachments *attachments, struct sluice_error *error)
{
	int result = 0;

	for (size_t i = 0; i < config->port_count && !result; i++)
		if (attachments->list[i].placement.function.ifindex)
			result = attach_one(sw, &config->ports[i],
					    &attachments->list[i].placement.function, error);
	return result;
}

/* Of one NIC, or of one of its VFs. */
static bool is_kept(const struct attachments *kept, __u32 ifindex, const unsigned int *number)
{
	for (size_t i = 0; i < kept->count; i++) {
		const struct function *function = &kept->list[i].placement.function;

		if (function->ifindex == ifindex && (!number || function->number == *number))
			return true;
	}
	return false;
}

static int remove_vlan_devices(const struct devices *devices, __u32 ifindex,
			       const struct attachments *kept, struct sluice_error *error)
{
	for (size_t i = 0; i < devices->count; i++) {
		const struct device *device = &devices->list[i];
		char buffer[256] __attribute__((aligned(8)));
		unsigned int of, number;
		int result;

		if (device->link != ifindex || strcmp(device->kind, "vlan") ||
		    sscanf(device->name, VLAN_DEVICE_NAME, &of, &number) != 2 || of != ifindex ||
		    is_kept(kept, ifindex, &number))
			continue;
		result = netlink_talk(-1, link_message(buffer, RTM_DELLINK, device->ifindex), NULL,
				      NULL);
		if (result && result != -ENODEV)
			return sluice_error_set(error, result, "cannot remove the device %s: %s",
						device->name, strerror(-result));
	}
	return 0;
}

int functions_detach_others(const struct sluice *sw, const struct attachments *had,
			    const struct attachments *kept, struct sluice_error *error)
{
	struct devices devices = {};
	int result = devices_read(&devices, error);

	for (size_t i = 0; i < had->count && !result; i++) {
		__u32 ifindex = had->list[i].placement.function.ifindex;

		if (!ifindex)
			continue;
		result = remove_vlan_devices(&devices, ifindex, kept, error);
		if (result || is_kept(kept, ifindex, NULL))
			continue;
		result = mac_filter(sw, ifindex, false);
		if (result)
			sluice_error_set(error, result, "cannot take the switch's MAC from a filter: "
					 "%s", strerror(-result));
	}
	devices_free(&devices);
	return result;
}

const char *function_drift(const struct sluice_port *port, const struct function *function)
{
	struct setting now;

	if (!function->ifindex || setting_get(function, &now) || !now.there)
		return NULL;
	return is_set(function, port->mac, &now) ? NULL :
	       "MAC, VLAN or checks of its VF were changed: apply the document again";
}
