/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A look at the far ends of veth pairs that XDP needs prepared. They belong to guests, which may switch
 * them at any time without a word to the switch's namespace.
 *
 * Namespaces are many and processes more, so one walk over them serves all attachments.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "loader/attach.h"
#include "loader/netns.h"

struct look {
	struct attachments *attachments;
	__u64 *seen; /* inodes of namespaces looked into */
	size_t seen_count;
	size_t room;
};

static const char *wrong(enum feature feature)
{
	switch (feature) {
	case FEATURE_GRO:
		return "GRO switched off at the far end, where frames now vanish: apply the document "
		       "again";
	case FEATURE_TX_CHECKSUM:
		return "checksums switched on at the far end, whose TCP and UDP now break: apply the "
		       "document again";
	case FEATURE_RX_VLAN:
		return "rxvlan switched on: frames of VFs are taken for the host's: apply the document "
		       "again";
	case FEATURE_TX_VLAN:
		return "txvlan switched on: frames for VFs may lack their tag: apply the document again";
	default:
		return "allmulticast switched off: VFs ask for IPv6 neighbors in vain: apply the "
		       "document again";
	}
}

static void look_at(int netns, struct attachment *attachment, const struct feature_change *change)
{
	char name[IFNAMSIZ];
	bool on;

	if (!name_by_index(netns, change->ifindex, name) &&
	    !feature_get(netns, name, change->feature, &on) && on != change->on)
		attachment->far_end_wrong = wrong(change->feature);
}

static bool is_new(struct look *look, int netns)
{
	struct stat info;

	if (fstat(netns, &info))
		return false;
	for (size_t i = 0; i < look->seen_count; i++)
		if (look->seen[i] == info.st_ino)
			return false;
	if (look->seen_count == look->room) {
		size_t room = look->room ? 2 * look->room : 64;
		__u64 *more = realloc(look->seen, room * sizeof(*more));

		if (!more)
			return true; /* looked at twice, then */
		look->seen = more;
		look->room = room;
	}
	look->seen[look->seen_count++] = info.st_ino;
	return true;
}

static int look_into(int netns, void *context)
{
	struct look *look = context;
	__u64 cookie;

	if (!is_new(look, netns) || netns_cookie(netns, &cookie))
		return 0;
	for (size_t i = 0; i < look->attachments->count; i++) {
		struct attachment *attachment = &look->attachments->list[i];

		for (size_t k = 0; k < attachment->change_count; k++)
			if (attachment->change[k].netns == cookie)
				look_at(netns, attachment, &attachment->change[k]);
	}
	return 0;
}

void attachments_look_at_far_ends(struct attachments *attachments)
{
	struct look look = { .attachments = attachments };
	bool any = false;

	for (size_t i = 0; i < attachments->count; i++)
		any |= attachments->list[i].change_count;
	if (any)
		netns_each(look_into, &look);
	free(look.seen);
}
