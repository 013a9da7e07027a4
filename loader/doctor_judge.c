/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the facts of one interface mean for an uplink or port on it: what works, what is slower than
 * it might be, what can not be, and the command that mends it.
 */
#include <string.h>

#include "loader/doctor.h"
#include "loader/xdp_features.h"

/* What drivers take with native XDP when frames are not split, from their sources. */
static const struct {
	const char *driver;
	unsigned int mtu;
} mtu_limits[] = {
	{ "ixgbe", 3050 },      { "ixgbevf", 3050 }, { "i40e", 3046 },
	{ "virtio_net", 3506 }, { "ena", 3498 },     { "veth", 3506 },
	{ "tun", 1500 },        { "igb", 1500 },     { "igc", 1500 },
};

/* Drivers with native XDP, for kernels that can not be asked (before 6.3). */
static const char *const xdp_drivers[] = {
	"veth",    "tun",       "virtio_net", "ixgbe",     "ixgbevf",       "i40e",
	"iavf",    "ice",       "igb",        "igc",       "ena",           "mlx4",
	"mlx4_en", "mlx5_core", "bnxt_en",    "nfp",       "qede",          "mvneta",
	"mvpp2",   "cpsw",      "stmmac",     "fsl_enetc", "fsl_dpaa2_eth", "hv_netvsc",
	"nicvf",   "vif",       "mana",       "gve",       "sfc",
};

/* Those of them that fill AF_XDP's buffers themselves, for the same kernels. */
static const char *const zero_copy_drivers[] = { "ixgbe", "i40e",      "ice",
						 "igc",   "mlx5_core", "stmmac" };

static bool in_list(const char *const list[], size_t count, const char *driver)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(list[i], driver))
			return true;
	return false;
}

#define IN_LIST(list, driver) in_list(list, sizeof(list) / sizeof(*(list)), driver)

static bool is(const struct device_facts *facts, const char *driver)
{
	return !strcmp(facts->driver, driver);
}

static bool native_xdp(const struct device_facts *facts)
{
	return facts->features_known ? facts->xdp_features & XDP_FEATURE_BASIC
				     : IN_LIST(xdp_drivers, facts->driver);
}

static const char *how_known(const struct device_facts *facts)
{
	return facts->features_known ? "" :
				       " by the table of drivers; this kernel can not be asked";
}

static void judge_native(struct survey *survey, const struct device_facts *facts)
{
	const char *how = how_known(facts);
	unsigned long long features = facts->xdp_features;

	if (!native_xdp(facts)) {
		device_finding_add(survey, facts->name, SLUICE_SLOWER, "native XDP", "",
				   "driver %s has no native XDP%s; tc is used, or generic XDP "
				   "(slower) with hook: xdp-generic",
				   facts->driver, how);
		return;
	}
	device_finding_add(survey, facts->name, SLUICE_OK, "native XDP", "",
			   "driver %s has native XDP%s", facts->driver, how);
	if (facts->features_known && !(features & XDP_FEATURE_REDIRECT))
		device_finding_add(survey, facts->name, SLUICE_SLOWER, "XDP redirect", "",
				   "the driver's XDP can not redirect: delivery goes through tc");
}

static void judge_target(struct survey *survey, const struct device_facts *facts)
{
	if (native_xdp(facts) && facts->features_known &&
	    !(facts->xdp_features & XDP_FEATURE_TRANSMIT))
		device_finding_add(survey, facts->name, SLUICE_SLOWER, "XDP target", "",
				   "frames can not be redirected to it by XDP%s",
				   is(facts, "veth") ? " until its far end has GRO on "
							"and it comes up after that"
						     : " until it has a program of its own");
}

static void judge_sockets(struct survey *survey, const struct device_facts *facts)
{
	const char *how = how_known(facts);
	unsigned long long features = facts->xdp_features;

	if (!native_xdp(facts))
		return;
	if (facts->features_known ? features & XDP_FEATURE_ZEROCOPY
				  : IN_LIST(zero_copy_drivers, facts->driver))
		device_finding_add(survey, facts->name, SLUICE_OK, "AF_XDP", "", "zero-copy%s",
				   how);
	else
		device_finding_add(
			survey, facts->name, SLUICE_SLOWER, "AF_XDP", "",
			"copy mode: driver %s has no zero-copy%s; a socket that insists on "
			"it is refused at bind",
			facts->driver, how);
}

static void judge_mtu(struct survey *survey, const struct device_facts *facts)
{
	char remedy[128];

	for (size_t i = 0; i < sizeof(mtu_limits) / sizeof(*mtu_limits); i++) {
		if (!is(facts, mtu_limits[i].driver) || facts->mtu <= mtu_limits[i].mtu)
			continue;
		snprintf(remedy, sizeof(remedy), "ip link set %s mtu %u", facts->name,
			 mtu_limits[i].mtu);
		device_finding_add(
			survey, facts->name, SLUICE_SLOWER, "MTU", remedy,
			"MTU %u is above %u, the most %s takes with native XDP; lower it or "
			"use hook: tc",
			facts->mtu, mtu_limits[i].mtu, facts->driver);
		return;
	}
	device_finding_add(survey, facts->name, SLUICE_OK, "MTU", "", "%u", facts->mtu);
}

static void judge_harmful(struct survey *survey, const struct device_facts *facts)
{
	static const struct {
		enum offload offload;
		const char *flag;
		const char *text;
	} harmful[] = {
		{ OFFLOAD_RXVLAN, "rxvlan", "the NIC strips VLAN tags before XDP sees them" },
		{ OFFLOAD_LRO, "lro", "LRO merges frames, which native XDP refuses" },
		{ OFFLOAD_GRO_HW, "rx-gro-hw",
		  "hardware GRO merges frames, which native XDP refuses" },
	};
	char remedy[128];

	/* veth only pretends to strip: it hands the tag over in the skb's metadata. */
	if (is(facts, "veth"))
		return;
	for (size_t i = 0; i < sizeof(harmful) / sizeof(*harmful); i++) {
		enum offload_state state = facts->offloads[harmful[i].offload];

		snprintf(remedy, sizeof(remedy), "ethtool -K %s %s off", facts->name,
			 harmful[i].flag);
		if (state == OFFLOAD_ON)
			device_finding_add(survey, facts->name, SLUICE_SLOWER, harmful[i].flag,
					   remedy, "%s", harmful[i].text);
		else if (state == OFFLOAD_ON_FIXED)
			device_finding_add(survey, facts->name, SLUICE_SLOWER, harmful[i].flag, "",
					   "%s; driver or hypervisor fix it on: use hook: tc",
					   harmful[i].text);
	}
}

/* These two give XDP transmit queues of its own out of the same pool. */
static bool shares_queues(const struct device_facts *facts)
{
	return is(facts, "ena") || is(facts, "virtio_net");
}

static void judge_queues(struct survey *survey, const struct device_facts *facts, long processors)
{
	unsigned int wanted = facts->most_queues;
	char remedy[128];

	if (!facts->most_queues)
		return;
	if (wanted > processors)
		wanted = (unsigned int)processors;
	if (shares_queues(facts) && wanted > facts->most_queues / 2)
		wanted = facts->most_queues / 2 ? facts->most_queues / 2 : 1;
	if (facts->queues >= wanted &&
	    (!shares_queues(facts) || facts->queues <= facts->most_queues / 2 ||
	     facts->most_queues == 1)) {
		device_finding_add(survey, facts->name, SLUICE_OK, "queues", "",
				   "%u of %u in use, %ld CPUs", facts->queues, facts->most_queues,
				   processors);
		return;
	}
	snprintf(remedy, sizeof(remedy), "ethtool -L %s combined %u", facts->name, wanted);
	device_finding_add(survey, facts->name, SLUICE_SLOWER, "queues", remedy,
			   "%u of %u queues in use with %ld CPUs; %u serve XDP best%s",
			   facts->queues, facts->most_queues, processors, wanted,
			   shares_queues(facts) ? ", which needs as many again to send" : "");
}

static void judge_program(struct survey *survey, const struct device_facts *facts)
{
	if (!facts->program_id)
		return;
	if (facts->ours)
		device_finding_add(
			survey, facts->name, SLUICE_OK, "XDP program", "",
			"ours; tcpdump does not see what it redirects: use sluice observe or "
			"sluice trace");
	else if (!strncmp(facts->program, "xdp_dispatcher", strlen("xdp_dispatch")))
		device_finding_add(survey, facts->name, SLUICE_OK, "XDP program", "",
				   "libxdp's dispatcher is there; an uplink joins it");
	else
		device_finding_add(survey, facts->name, SLUICE_CANNOT, "XDP program", "",
				   "'%s' (id %u) is there and is not evicted; load it with "
				   "xdp-loader to share the device, or use hook: tc",
				   facts->program, facts->program_id);
}

static void judge_switchdev(struct survey *survey, const struct device_facts *facts)
{
	enum offload_state hw_tc = facts->offloads[OFFLOAD_HW_TC];
	char remedy[128];

	snprintf(remedy, sizeof(remedy), "devlink dev eswitch set pci/%s mode switchdev",
		 facts->bus_info);
	if (facts->embedded == EMBEDDED_LEGACY)
		device_finding_add(
			survey, facts->name, SLUICE_SLOWER, "embedded switch", remedy,
			"legacy mode: VFs have no representors, so no flow can be handed to "
			"the NIC");
	else if (facts->embedded == EMBEDDED_SWITCHDEV)
		device_finding_add(survey, facts->name, SLUICE_OK, "embedded switch", "",
				   "switchdev mode: representors can be ports");
	snprintf(remedy, sizeof(remedy), "ethtool -K %s hw-tc-offload on", facts->name);
	if (hw_tc == OFFLOAD_ON || hw_tc == OFFLOAD_ON_FIXED)
		device_finding_add(survey, facts->name, SLUICE_OK, "hw-tc-offload", "", "on");
	else if (hw_tc == OFFLOAD_OFF)
		device_finding_add(survey, facts->name, SLUICE_SLOWER, "hw-tc-offload", remedy,
				   "off: the NIC takes no flow");
	else if (facts->embedded == EMBEDDED_SWITCHDEV)
		device_finding_add(survey, facts->name, SLUICE_CANNOT, "hw-tc-offload", "",
				   "driver %s has none: the NIC takes no flow", facts->driver);
}

static void judge_vlan(struct survey *survey, const struct device_facts *facts)
{
	if (is(facts, "802.1Q VLAN Support"))
		device_finding_add(
			survey, facts->name, SLUICE_CANNOT, "VLAN device", "",
			"a VLAN's child device sees frames only after its parent: attach "
			"the parent");
}

static void judge_master(struct survey *survey, const struct device_facts *facts)
{
	char remedy[128];

	if (facts->master[0]) {
		snprintf(remedy, sizeof(remedy), "ip link set %s nomaster", facts->name);
		device_finding_add(
			survey, facts->name, SLUICE_SLOWER, "master", remedy,
			"belongs to %s, which takes what the switch lets pass: wrong for a "
			"port, right for an uplink that carries a bridge",
			facts->master);
	}
}

static void judge_filter(struct survey *survey, const struct device_facts *facts)
{
	/* Of hardware only: what is software takes every frame that is sent to it. */
	if (facts->bus_info[0] && strchr(facts->bus_info, ':'))
		device_finding_add(
			survey, facts->name, SLUICE_OK, "MAC filter", "",
			facts->promiscuous
				? "promiscuous: takes frames for every MAC"
				: "takes frames for its own MACs only; guests' MACs behind it need "
				  "'ip link set %s promisc on' or 'bridge fdb add'",
			facts->name);
}

/* The command in the far end's namespace. */
static void far_command(const struct far_end *far_end, const char *setting, char *text, size_t size)
{
	if (!far_end->elsewhere)
		snprintf(text, size, "ethtool -K %s %s", far_end->name, setting);
	else if (far_end->netns[0])
		snprintf(text, size, "ip netns exec %s ethtool -K %s %s", far_end->netns,
			 far_end->name, setting);
	else
		snprintf(text, size, "nsenter -t PID -n ethtool -K %s %s", far_end->name, setting);
}

static void judge_veth(struct survey *survey, const struct device_facts *facts)
{
	device_finding_add(survey, facts->name, SLUICE_SLOWER, "veth", "",
			   "native XDP takes GSO away: one bulk TCP connection is several "
			   "times slower than through tc, which hook: auto chooses");
}

/* What goes wrong without a word when XDP has to do with a pair. `up` and `port add` set both where
 * a port is by XDP; what the guest switches later is its own. */
static void judge_far_end(struct survey *survey, const struct device_facts *facts)
{
	const struct far_end *far_end = &facts->far_end;
	bool by_xdp = facts->program_id && facts->ours;
	char remedy[192];

	if (!is(facts, "veth"))
		return;
	if (!by_xdp)
		judge_veth(survey, facts);
	if (!far_end->found) {
		device_finding_add(
			survey, facts->name, SLUICE_SLOWER, "far end", "ip netns attach NAME PID",
			"its namespace has no name and no process: what XDP needs there can "
			"not be looked at; tc needs nothing");
		return;
	}
	far_command(far_end, "gro on", remedy, sizeof(remedy));
	if (!far_end->gro)
		device_finding_add(survey, facts->name, by_xdp ? SLUICE_CANNOT : SLUICE_SLOWER,
				   "far end GRO", remedy,
				   "off at %s: frames that XDP sends there vanish%s", far_end->name,
				   by_xdp ? "" : "; hook: tc is not affected, hook: xdp sets it");
	far_command(far_end, "tx off", remedy, sizeof(remedy));
	if (far_end->tx_checksum && by_xdp)
		device_finding_add(
			survey, facts->name, SLUICE_CANNOT, "far end checksums", remedy,
			"on at %s: its TCP and UDP arrive broken through XDP, while ping "
			"works",
			far_end->name);
	else if (far_end->tx_checksum)
		device_finding_add(survey, facts->name, SLUICE_OK, "far end checksums", "",
				   "left to the receiver at %s: right for tc; hook: xdp sets them",
				   far_end->name);
}

static void judge_ssh(struct survey *survey, const struct device_facts *facts)
{
	if (facts->carries_ssh)
		device_finding_add(
			survey, facts->name, SLUICE_SLOWER, "SSH", "sluice up -f FILE --confirm 60",
			"an SSH session runs over this interface; with --confirm an attach "
			"that cuts you off is undone unless you confirm it");
}

void device_facts_judge(struct survey *survey, const struct device_facts *facts, long processors)
{
	judge_vlan(survey, facts);
	judge_master(survey, facts);
	judge_filter(survey, facts);
	judge_native(survey, facts);
	judge_target(survey, facts);
	judge_sockets(survey, facts);
	judge_far_end(survey, facts);
	judge_mtu(survey, facts);
	judge_harmful(survey, facts);
	judge_queues(survey, facts, processors);
	judge_program(survey, facts);
	judge_switchdev(survey, facts);
	judge_ssh(survey, facts);
}

void device_facts_judge_use(struct survey *survey, const struct device_facts *facts,
			    const struct device_use *use, long processors)
{
	judge_vlan(survey, facts);
	if (!use->uplink)
		judge_master(survey, facts);
	if (use->xdp || use->uplink) {
		judge_native(survey, facts);
		judge_mtu(survey, facts);
		judge_harmful(survey, facts);
		judge_program(survey, facts);
	}
	/* One that is down becomes a target when it comes up. */
	if (use->xdp && facts->up)
		judge_target(survey, facts);
	if (use->xdp && is(facts, "veth"))
		judge_veth(survey, facts);
	if (use->af_xdp)
		judge_sockets(survey, facts);
	if (use->uplink) {
		judge_queues(survey, facts, processors);
		judge_ssh(survey, facts);
	}
}
