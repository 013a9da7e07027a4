/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The doctor's files, each of which looks at one part of a host and adds what it finds to a survey.
 */
#ifndef SLUICE_LOADER_DOCTOR_H
#define SLUICE_LOADER_DOCTOR_H

#include <net/if.h>

#include "loader/device.h"
#include "loader/survey.h"

/* loader/doctor_kernel.c: what a kernel shows in files; and what only the running one can be asked. */
void doctor_kernel(struct survey *survey);
void doctor_privileges(struct survey *survey);

/* loader/doctor_host.c: IOMMU, interrupt remapping, NUMA nodes, huge pages. */
void doctor_host(struct survey *survey);

/* loader/doctor_managers.c: who else arranges the network, in general and for one device. */
void doctor_managers(struct survey *survey);
void doctor_managed(struct survey *survey, const char *device, unsigned int ifindex);

/* loader/doctor_pci.c: SR-IOV, IOMMU group, ACS and NUMA of the NIC at a PCI address
 * ("0000:01:00.0"); nothing is said of what is no PCI device. */
void doctor_pci(struct survey *survey, const char *device, const char *address);

/* loader/doctor_virtio.c: a virtio NIC that will refuse native XDP. */
void doctor_virtio(struct survey *survey, const char *device, const char *address);

/* loader/doctor_ports.c: the switches that run in netns (NULL or "": this namespace): has their flow
 * table room for what their ports may have, and is each device as it was left? */
void doctor_ports(struct survey *survey, const char *netns);

/* --- one interface --- */

/* Offloads that matter. X(IDENTIFIER, "the kernel's name", "ethtool's name") */
#define OFFLOADS(X)                             \
	X(RXVLAN, "rx-vlan-hw-parse", "rxvlan") \
	X(LRO, "rx-lro", "lro")                 \
	X(GRO_HW, "rx-gro-hw", "rx-gro-hw")     \
	X(HW_TC, "hw-tc-offload", "hw-tc-offload")

enum offload {
#define X(identifier, kernel, ethtool) OFFLOAD_##identifier,
	OFFLOADS(X)
#undef X
	OFFLOAD_COUNT
};

enum offload_state {
	OFFLOAD_OFF,
	OFFLOAD_ON,
	OFFLOAD_ON_FIXED,  /* and can not be switched off here */
	OFFLOAD_OFF_FIXED, /* or the device has none of that name */
};

enum embedded_switch {
	EMBEDDED_UNKNOWN, /* the driver does not say: none, or a plain SR-IOV NIC */
	EMBEDDED_LEGACY,
	EMBEDDED_SWITCHDEV,
};

/* The far end of a veth pair. */
struct far_end {
	bool found;
	char name[IFNAMSIZ];
	char netns[64]; /* its name under /run/netns, "" for none */
	bool elsewhere; /* in another namespace than the near end */
	bool gro;
	bool tx_checksum;
};

/* What is known of an interface, apart from how it is to be judged. */
struct device_facts {
	char name[IFNAMSIZ];
	unsigned int ifindex;
	char driver[32];
	char bus_info[32];     /* a PCI address, or "" */
	char master[IFNAMSIZ]; /* the bridge, bond ... it is a port of, or "" */
	unsigned int mtu;
	bool promiscuous;
	bool up;
	bool features_known;             /* the kernel can be asked (6.3) */
	unsigned long long xdp_features; /* XDP_FEATURE_* */
	enum offload_state offloads[OFFLOAD_COUNT];
	unsigned int queues; /* combined ones in use; 0: can not be asked */
	unsigned int most_queues;
	char program[16]; /* of another's XDP program; "" for none */
	unsigned int program_id;
	bool ours; /* the XDP program there is ours */
	enum embedded_switch embedded;
	bool carries_ssh;
	struct far_end far_end;
};

/* loader/doctor_device.c: asks the kernel about an interface of the calling thread's namespace.
 * -ENODEV. */
int device_facts_read(const char *device, struct device_facts *facts, struct sluice_error *error);
/* The same of a device that was found, without what takes a walk over namespaces, sockets or the PCI bus: its
 * far end, SSH sessions, the embedded switch. */
int device_facts_quick(const struct devices *devices, const struct device *device,
		       struct device_facts *facts, struct sluice_error *error);
/* Only what it is and belongs to. */
void device_facts_place(const struct devices *devices, const struct device *device,
			struct device_facts *facts);
/* loader/doctor_ssh.c: whether an established SSH session of this host runs over the interface. */
bool device_carries_ssh(const char *device);

/* loader/doctor_judge.c: what the facts mean for an uplink or port on that interface. */
void device_facts_judge(struct survey *survey, const struct device_facts *facts, long processors);

/* What an interface is used for. */
struct device_use {
	bool uplink;
	bool xdp;   /* frames come to us by XDP, or would if the driver allowed it */
	bool af_xdp;
};

/* The findings of device_facts_judge() that matter for that use: others' are left out. */
void device_facts_judge_use(struct survey *survey, const struct device_facts *facts,
			    const struct device_use *use, long processors);

#endif
