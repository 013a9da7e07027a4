/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who else arranges this host's network: virtualization managers, network configurators, other
 * switches; and what each means for a port's devices.
 */
#include <string.h>

#include "loader/doctor.h"

/* Who is there when one of the paths is, and what to know of it. */
static const struct manager {
	const char *name;
	const char *paths[3];
	enum sluice_finding_level level;
	const char *text;
	const char *remedy;
} managers[] = {
	{ "libvirt",
	  { "/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock" },
	  SLUICE_OK,
	  "its taps can be ports; give the interface type 'ethernet', so that no bridge takes them",
	  "" },
	{ "Proxmox VE",
	  { "/etc/pve/local" },
	  SLUICE_OK,
	  "its taps come with a bridge: take the device off it before it becomes a port",
	  "" },
	{ "Docker",
	  { "/run/docker.sock" },
	  SLUICE_OK,
	  "a container's veth hangs on docker0: start it with --network none and give it one of "
	  "the switch's ports",
	  "" },
	{ "containerd",
	  { "/run/containerd/containerd.sock" },
	  SLUICE_OK,
	  "its containers' veths are CNI's to make",
	  "" },
	{ "Podman",
	  { "/run/podman/podman.sock" },
	  SLUICE_OK,
	  "a container's veth hangs on its bridge: start it with --network none",
	  "" },
	{ "LXD or Incus",
	  { "/var/lib/lxd/unix.socket", "/var/lib/incus/unix.socket",
	    "/var/snap/lxd/common/lxd/unix.socket" },
	  SLUICE_OK,
	  "give an instance a nic of nictype p2p, so that no bridge takes its veth",
	  "" },
	{ "Kubernetes",
	  { "/var/lib/kubelet/config.yaml" },
	  SLUICE_OK,
	  "pods' veths are the CNI plug-in's: one that attaches to them as well sees frames "
	  "before or after the switch",
	  "" },
	{ "OpenStack",
	  { "/etc/neutron/plugins/ml2", "/var/lib/nova/instances" },
	  SLUICE_OK,
	  "Neutron's agent puts its instances' taps on its own bridge",
	  "" },
	{ "Cilium",
	  { "/run/cilium/cilium.sock", "/sys/fs/bpf/cilium" },
	  SLUICE_SLOWER,
	  "its tc and XDP programs sit on the same hooks; an uplink that has "
	  "Cilium's XDP program is refused to the switch: use hook: tc there",
	  "" },
	{ "Calico",
	  { "/run/calico", "/var/run/calico" },
	  SLUICE_OK,
	  "its programs and rules police the devices named cali*",
	  "" },
	{ "Open vSwitch",
	  { "/run/openvswitch/db.sock" },
	  SLUICE_OK,
	  "a device in one of its bridges is taken by it before the host's stack, after the switch",
	  "" },
	{ "NetworkManager",
	  { "/run/NetworkManager" },
	  SLUICE_SLOWER,
	  "it may take new taps and veths for interfaces of the host and give them addresses",
	  "printf '[keyfile]\\nunmanaged-devices=interface-name:tap*;interface-name:veth*\\n' "
	  ">/etc/NetworkManager/conf.d/sluice.conf && nmcli general reload" },
	{ "systemd-networkd",
	  { "/run/systemd/netif/state" },
	  SLUICE_OK,
	  "it leaves devices alone that no .network file matches; one with [Match] Name=* matches "
	  "ports, too",
	  "" },
	{ "firewalld",
	  { "/run/firewalld" },
	  SLUICE_OK,
	  "its rules hold for the host's own traffic only: frames between ports pass them by",
	  "" },
};

void doctor_managers(struct survey *survey)
{
	bool any = false;

	for (size_t i = 0; i < sizeof(managers) / sizeof(*managers); i++) {
		const struct manager *manager = &managers[i];
		bool there = false;

		for (size_t k = 0; k < 3 && manager->paths[k] && !there; k++)
			there = survey_has(survey, "%s", manager->paths[k]);
		if (there)
			finding_add(survey, manager->level, manager->name, manager->remedy, "%s",
				    manager->text);
		any |= there;
	}
	if (!any)
		finding_add(survey, SLUICE_OK, "managers", "",
			    "no virtualization or network manager found");
}

/* Whether one of the two configurators has taken this very device. */
void doctor_managed(struct survey *survey, const char *device, unsigned int ifindex)
{
	FILE *file;
	char line[256], remedy[128];

	file = survey_open(survey, "/run/NetworkManager/devices/%u", ifindex);
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "managed=true", strlen("managed=true")))
			continue;
		snprintf(remedy, sizeof(remedy), "nmcli device set %s managed no", device);
		device_finding_add(
			survey, device, SLUICE_SLOWER, "NetworkManager", remedy,
			"manages it: it may change addresses and state of a port's device");
	}
	if (file)
		fclose(file);
	file = survey_open(survey, "/run/systemd/netif/links/%u", ifindex);
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "ADMIN_STATE=config", strlen("ADMIN_STATE=config")))
			device_finding_add(
				survey, device, SLUICE_OK, "systemd-networkd", "",
				"configures it; that goes on for an uplink, and is wrong for "
				"a port");
	if (file)
		fclose(file);
}
