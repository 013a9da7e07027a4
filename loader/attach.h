/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is attached where.
 *
 * An attachment is one port or uplink with the device it has found and the hook its program sits on.
 * The list of them is a file of the state directory (loader/attachments.c), written before the
 * first of its attachments is made and after the last one is undone: what a killed writer made is
 * always in the file.
 *
 * tcx and XDP attachments are links pinned under PINS/links by ifindex: the kernel ends such a link with
 * its device, so a link never moves to a device that gets the same ifindex later.
 */
#ifndef SLUICE_LOADER_ATTACH_H
#define SLUICE_LOADER_ATTACH_H

#include "loader/device.h"
#include "loader/switch.h"

/* Where a program sits. X(IDENTIFIER, "name") */
#define ATTACH_HOOKS(X)               \
	X(NONE, "none")               \
	X(TCX, "tcx")                 \
	X(CLSACT, "clsact")           \
	X(XDP, "xdp")                 \
	X(XDP_GENERIC, "xdp-generic") \
	X(DISPATCHER, "dispatcher")

enum attach_hook {
#define X(identifier, name) ATTACH_##identifier,
	ATTACH_HOOKS(X)
#undef X
	ATTACH_HOOK_COUNT
};

const char *attach_hook_name(enum attach_hook hook);

/* A feature of a far end, of an AF_XDP port's near end or of a NIC with VFs, that an attachment needs,
 * and what it is put back to with it. */
struct feature_change {
	__u64 netns;   /* cookie of the namespace */
	__u32 ifindex; /* there */
	enum feature feature;
	bool on;       /* as it must be */
	bool was;      /* before the attachment */
};

#define ATTACHMENT_CHANGES 3

struct attachment {
	char owner[64];          /* the port's name; an uplink's device */
	bool uplink;
	bool second;             /* the port's other device: admitted, not delivered to while the first
				  * is there. These stand behind ports and uplinks */
	char device[80];         /* as the document names it */
	char ifname[IFNAMSIZ];   /* the device found */
	__u32 ifindex;           /* 0: none was found */
	enum sluice_hook wanted; /* as the document has it */
	bool xsk;                /* a port of kind af_xdp (loader/xsk.h) */
	bool offload;            /* its established flows go to the NIC (loader/offload.h) */
	enum attach_hook hook;   /* NONE: not attached yet */
	__u32 since;             /* the version that attached it */
	__u32 program;           /* DISPATCHER: id of our program there */
	struct placement placement;
	struct feature_change change[ATTACHMENT_CHANGES];
	size_t change_count;
	bool functions;          /* an uplink with VFs that are ports (loader/function.h); not on file */
	bool prepared;           /* the changes it needs for XDP are known */
	const char *far_end_wrong; /* NULL, or what attachments_look_at_far_ends() found; not on file */
};

struct attachments {
	struct attachment *list;
	size_t count;
};

void attachments_free(struct attachments *attachments);
/* To and from attachments.json. Reading: an empty list when there is no file. */
int attachments_write(const struct sluice *sw, const struct attachments *attachments,
		      struct sluice_error *error);
int attachments_read(const struct sluice *sw, struct attachments *attachments,
		     struct sluice_error *error);
/* The one on the same device, in the same role, whose hook does what `wanted` asks for, or NULL. */
struct attachment *attachments_match(const struct attachments *attachments,
				     const struct attachment *wanted);

/* --- loader/far_ends.c --- */

/* Looks whether the far ends still have the features that their attachments need: a guest may have
 * switched them since. */
void attachments_look_at_far_ends(struct attachments *attachments);

/* --- loader/placement.c --- */

/*
 * Finds the device of every port and uplink of config. What `running` already has is taken over
 * with its hook, program and changes. -ENODEV for a device that is not there, unless tolerate_missing or
 * the same owner already had that device in `running`: then its ifindex is 0.
 */
int attachments_resolve(const struct sluice_config *config, const struct devices *devices,
			const struct attachments *running, bool tolerate_missing,
			struct attachments *resolved, struct sluice_error *error);
/* What a port is sent may go through this device as well: its MTU counts. */
void placement_narrow(struct placement *placement, const struct device *device);
/* -EBUSY when another switch of this namespace has one of the devices. */
int attachments_refuse_shared(const struct sluice *sw, const struct attachments *wanted,
			      struct sluice_error *error);
/* Notes in each attachment which features must be switched, for XDP frames to get through.
 * -ENOENT and others with a sentence when that can not be. */
int attachments_prepare(struct attachments *attachments, const struct attachments *running,
			const struct devices *devices, struct sluice_error *error);
/* Whether frames run through XDP at this port, natively or not. */
bool attachment_by_xdp(const struct attachment *attachment);

/* --- loader/attach.c --- */

/* Switches the features noted and attaches the program; sets hook, program and the placement's why. */
int attach(const struct sluice *sw, struct attachment *attachment, const struct devices *devices,
	   struct sluice_error *error);
/* Only the features: for what is attached already. */
int attach_features(const struct attachment *attachment, struct sluice_error *error);
/* Switches back what the attachment had switched and none of `kept` wants switched. */
void detach_features(const struct attachment *attachment, const struct attachments *kept);
/* Undoes attach. What is gone already is no error. What one of `kept` also stands on stays. */
int detach(const struct sluice *sw, const struct attachment *attachment,
	   const struct attachments *kept, struct sluice_error *error);
/* Puts this library's program under the attachment in place of the one there. */
int attach_replace(const struct sluice *sw, struct attachment *attachment,
		   struct sluice_error *error);
/* NULL when program and device stand as recorded, else what is wrong: "device vanished". */
const char *attachment_drift(const struct sluice *sw, const struct attachment *attachment,
			     const struct devices *devices);
/* Unpins links that belong to none of the attachments. */
int links_remove_others(const struct sluice *sw, const struct attachments *kept,
			struct sluice_error *error);

/* --- loader/refuse_xdp.c --- */

/* Somebody else's program is there: -EBUSY. */
int refuse_occupied(const struct attachment *attachment, const struct device *device,
		    struct sluice_error *error);
/* Our own program is there in the other mode: -EBUSY. */
int refuse_own(const struct device *device, struct sluice_error *error);
/* The driver answered with code. -ENOTSUP where another hook would do. */
int refuse_xdp(const struct attachment *attachment, const struct device *device, int code,
	       struct sluice_error *error);

/* VFs are ports, and the NIC's program is on tc, or would be. */
int refuse_tc_for_functions(const struct attachment *attachment, struct sluice_error *error);

/* --- loader/clsact.c: kernels without tcx, and devices that carry flows themselves --- */

/* Makes the qdisc that filters hang on, where there is none. */
int clsact_prepare(const struct sluice *sw, __u32 ifindex, struct sluice_error *error);
int clsact_attach(const struct sluice *sw, __u32 ifindex, int program, bool replace,
		  struct sluice_error *error);
/* Takes off our filter, and the qdisc where it is ours. */
int clsact_detach(const struct sluice *sw, __u32 ifindex, struct sluice_error *error);
/* Whether our program is there. */
bool clsact_there(__u32 ifindex);

/* --- loader/dispatcher.c: sharing a device with other XDP programs through libxdp --- */

/* Whether the XDP program on a device is libxdp's dispatcher. */
bool dispatcher_there(__u32 ifindex);
int dispatcher_attach(const struct sluice *sw, const char *ifname, __u32 ifindex, __u32 *program,
		      struct sluice_error *error);
/* program 0: every program of ours, by name. */
int dispatcher_detach(__u32 ifindex, __u32 program);
bool dispatcher_has(__u32 ifindex, __u32 program);

/* loader/tunnel_uplink.c: the uplink that frames to remotes leave by; NULL: none is there. */
const struct placement *tunnel_uplink(const struct sluice_config *config,
				      const struct attachments *attachments);

#endif
