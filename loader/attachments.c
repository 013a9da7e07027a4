/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attachments.json: the list of attachments as a file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/attach.h"
#include "loader/state.h"

static const char *const hook_names[ATTACH_HOOK_COUNT] = {
#define X(identifier, name) [ATTACH_##identifier] = name,
	ATTACH_HOOKS(X)
#undef X
};

const char *attach_hook_name(enum attach_hook hook)
{
	return hook < ATTACH_HOOK_COUNT ? hook_names[hook] : "?";
}

void attachments_free(struct attachments *attachments)
{
	free(attachments->list);
	*attachments = (struct attachments){};
}

/* Whether what sits there is what is asked for, whoever asked for it. */
static bool satisfies(const struct attachment *there, const struct attachment *wanted)
{
	bool tc = there->hook == ATTACH_TCX || there->hook == ATTACH_CLSACT;
	bool xdp = there->hook == ATTACH_XDP || there->hook == ATTACH_DISPATCHER;

	if (there->wanted == wanted->wanted)
		return true;
	switch (wanted->wanted) {
	case SLUICE_HOOK_TC:
		return tc;
	case SLUICE_HOOK_XDP:
		return xdp;
	case SLUICE_HOOK_XDP_GENERIC:
		return there->hook == ATTACH_XDP_GENERIC;
	default:
		return wanted->uplink ? xdp : tc;
	}
}

struct attachment *attachments_match(const struct attachments *attachments,
				     const struct attachment *wanted)
{
	for (size_t i = 0; i < attachments->count; i++) {
		struct attachment *there = &attachments->list[i];

		if (there->ifindex == wanted->ifindex && there->uplink == wanted->uplink &&
		    !strcmp(there->ifname, wanted->ifname) && satisfies(there, wanted) &&
		    (wanted->ifindex || !strcmp(there->owner, wanted->owner)))
			return there;
	}
	return NULL;
}

static json_t *changes_json(const struct attachment *attachment)
{
	json_t *list = json_array();

	for (size_t i = 0; i < attachment->change_count; i++) {
		const struct feature_change *change = &attachment->change[i];

		json_array_append_new(list, json_pack("{s:I, s:i, s:i, s:b, s:b}",
						      "netns", (json_int_t)change->netns,
						      "ifindex", (int)change->ifindex,
						      "feature", (int)change->feature,
						      "on", (int)change->on,
						      "was", (int)change->was));
	}
	return list;
}

static json_t *attachment_json(const struct attachment *attachment)
{
	return json_pack("{s:s, s:b, s:b, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:b, s:b, s:s, s:i, "
			 "s:i, s:i, s:o}",
			 "owner", attachment->owner, "uplink", (int)attachment->uplink,
			 "second", (int)attachment->second,
			 "device", attachment->device, "ifname", attachment->ifname,
			 "ifindex", (int)attachment->ifindex, "wanted", (int)attachment->wanted,
			 "hook", (int)attachment->hook, "since", (int)attachment->since,
			 "program", (int)attachment->program,
			 "delivery", (int)attachment->placement.delivery,
			 "redirectPeer", (int)attachment->placement.redirect_peer,
			 "prepared", (int)attachment->prepared,
			 "why", attachment->placement.why, "nic",
			 (int)attachment->placement.function.ifindex, "vf",
			 (int)attachment->placement.function.number, "mtu",
			 (int)attachment->placement.mtu, "changes",
			 changes_json(attachment));
}

int attachments_write(const struct sluice *sw, const struct attachments *attachments,
		      struct sluice_error *error)
{
	json_t *list = json_array();
	char *text;
	int result;

	for (size_t i = 0; i < attachments->count; i++)
		if (json_array_append_new(list, attachment_json(&attachments->list[i])))
			goto no_memory;
	text = json_dumps(list, JSON_INDENT(1));
	if (!text)
		goto no_memory;
	json_decref(list);
	result = state_write(sw, "attachments.json", text, strlen(text), error);
	free(text);
	return result;

no_memory:
	json_decref(list);
	return sluice_error_set(error, -ENOMEM, "out of memory");
}

static int read_changes(const json_t *list, struct attachment *attachment)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) {
		struct feature_change *change = &attachment->change[i];
		json_int_t netns;
		int ifindex, feature, was, on = -1;

		if (i >= ATTACHMENT_CHANGES ||
		    json_unpack((json_t *)entry, "{s:I, s:i, s:i, s?b, s:b}", "netns", &netns,
				"ifindex", &ifindex, "feature", &feature, "on", &on, "was", &was) ||
		    feature < 0 || feature >= FEATURE_COUNT)
			return -EINVAL;
		*change = (struct feature_change){ .netns = (__u64)netns,
						   .ifindex = (__u32)ifindex,
						   .feature = (enum feature)feature,
						   .on = on < 0 ? !was : on,
						   .was = was };
		attachment->change_count = i + 1;
	}
	return 0;
}

static int read_attachment(const json_t *entry, struct attachment *attachment)
{
	const char *owner, *device, *ifname, *why;
	int since = 0, second = 0, nic = 0, vf = 0, mtu = 0;
	int uplink, ifindex, wanted, hook, program, delivery, redirect_peer, prepared;
	json_t *changes;

	if (json_unpack((json_t *)entry,
			"{s:s, s:b, s?b, s:s, s:s, s:i, s:i, s:i, s?i, s:i, s:i, s:b, s:b, s:s, s?i, s?i, "
			"s?i, s:o}",
			"owner", &owner, "uplink", &uplink, "second", &second, "device", &device,
			"ifname", &ifname, "ifindex", &ifindex, "wanted", &wanted, "hook", &hook,
			"since", &since, "program", &program,
			"delivery", &delivery, "redirectPeer",
			&redirect_peer, "prepared", &prepared, "why", &why, "nic", &nic, "vf", &vf,
			"mtu", &mtu, "changes", &changes) ||
	    hook < 0 || hook >= ATTACH_HOOK_COUNT)
		return -EINVAL;
	*attachment = (struct attachment){
		.uplink = uplink,
		.second = second,
		.ifindex = (__u32)ifindex,
		.wanted = (enum sluice_hook)wanted,
		.hook = (enum attach_hook)hook,
		.since = (__u32)since,
		.program = (__u32)program,
		.prepared = prepared,
		.xsk = delivery == DELIVERY_AF_XDP,
		.offload = delivery == DELIVERY_OFFLOAD,
		.placement = { .ifindex = (__u32)ifindex,
			       .delivery = (enum delivery)delivery,
			       .redirect_peer = redirect_peer,
			       .mtu = (__u32)mtu,
			       .function = { .ifindex = (__u32)nic,
					     .number = (__u16)vf,
					     .carries = nic && delivery == DELIVERY_VF } },
	};
	snprintf(attachment->owner, sizeof(attachment->owner), "%s", owner);
	snprintf(attachment->device, sizeof(attachment->device), "%s", device);
	snprintf(attachment->ifname, sizeof(attachment->ifname), "%s", ifname);
	snprintf(attachment->placement.why, sizeof(attachment->placement.why), "%s", why);
	return read_changes(changes, attachment);
}

int attachments_read(const struct sluice *sw, struct attachments *attachments,
		     struct sluice_error *error)
{
	struct attachments read = {};
	const json_t *entry;
	json_t *list;
	size_t i;
	char *text;
	int result;

	result = state_read(sw, "attachments.json", &text, NULL, error);
	if (result == -ENOENT) {
		*attachments = read;
		return 0;
	}
	if (result)
		return result;
	list = json_loads(text, 0, NULL);
	free(text);
	read.list = calloc(json_array_size(list) + 1, sizeof(*read.list));
	if (!json_is_array(list) || !read.list)
		result = read.list ? -EINVAL : -ENOMEM;
	json_array_foreach(list, i, entry) {
		result = result ?: read_attachment(entry, &read.list[i]);
		read.count = i + 1;
	}
	json_decref(list);
	if (result) {
		attachments_free(&read);
		return sluice_error_set(error, result, "%s/attachments.json is damaged: take the "
					"switch down and up again", sw->state);
	}
	*attachments = read;
	return 0;
}
