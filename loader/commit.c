/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From one version to the next.
 *
 * Everything that can be refused is refused before the first trace is left; then each step leaves
 * something that switch_heal() can tell from the running version and remove; one store makes the
 * new version the running one; what is left over of the old one goes last. The file `changing`
 * stands from the first trace to the last: without it there is nothing to heal.
 */
#include "loader/commit.h"
#include "loader/cpus.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/function.h"
#include "loader/offload.h"
#include "loader/state.h"
#include "loader/xsk.h"

__attribute__((weak)) void sluice_test_step(const char *step)
{
	(void)step;
}

static void commit_free(struct commit *commit)
{
	devices_free(&commit->devices);
	attachments_free(&commit->running);
	attachments_free(&commit->next);
	free(commit->placements);
	free(commit->text);
}

/* --- before the first trace --- */

static int write_text(const struct sluice_config *config, char **text, size_t *length,
		      struct sluice_error *error)
{
	FILE *stream = open_memstream(text, length);
	int result;

	if (!stream)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	result = sluice_config_write(config, stream, error);
	if (fclose(stream) && !result)
		result = sluice_error_set(error, -ENOMEM, "out of memory");
	return result;
}

static bool same_function(const struct function *a, const struct function *b)
{
	return a->ifindex == b->ifindex && a->number == b->number && a->carries == b->carries;
}

static bool needs_attach(const struct commit *commit, const struct attachment *attachment)
{
	if (!attachment->ifindex)
		return false;
	return attachment->hook == ATTACH_NONE ||
	       attachment_drift(commit->sw, attachment, &commit->devices);
}

/* Whether the record needs no change: the same owners in the same places, all of them attached. */
static bool same_attachments(const struct commit *commit)
{
	if (commit->running.count != commit->next.count)
		return false;
	for (size_t i = 0; i < commit->next.count; i++) {
		const struct attachment *next = &commit->next.list[i];
		const struct attachment *old = &commit->running.list[i];

		if (old->ifindex != next->ifindex || old->uplink != next->uplink ||
		    old->second != next->second || old->wanted != next->wanted || old->hook != next->hook ||
		    old->change_count != next->change_count || old->prepared != next->prepared ||
		    old->placement.delivery != next->placement.delivery ||
		    old->placement.redirect_peer != next->placement.redirect_peer ||
		    old->placement.mtu != next->placement.mtu ||
		    !same_function(&old->placement.function, &next->placement.function) ||
		    strcmp(old->owner, next->owner) || strcmp(old->device, next->device) ||
		    strcmp(old->ifname, next->ifname) || needs_attach(commit, next))
			return false;
	}
	return true;
}

static int place(struct commit *commit, unsigned int flags, struct sluice_error *error)
{
	int result = devices_read(&commit->devices, error) ?:
		     attachments_resolve(commit->config, &commit->devices, &commit->running,
					 flags & COMMIT_TOLERATE_MISSING, &commit->next, error);

	if (!result)
		attachments_look_at_far_ends(&commit->next);
	return result;
}

/* Devices that the switch is to make are made once nothing else speaks against the version. */
static int make_devices(struct commit *commit, unsigned int flags, struct sluice_error *error)
{
	int result;

	if (!xsk_devices_missing(commit->config, &commit->devices) &&
	    !functions_missing(commit->config, &commit->devices))
		return 0;
	result = state_mark(commit->sw, "changing", error);
	commit->made_devices = !result;
	result = result ?: xsk_devices_make(commit->sw, commit->config, &commit->devices, error) ?:
		 functions_make(commit->sw, commit->config, &commit->devices, &commit->next, error);
	sluice_test_step("made");
	devices_free(&commit->devices);
	attachments_free(&commit->next);
	return result ?: place(commit, flags, error);
}

static int refuse_translation(const struct sluice_config *config, struct sluice_error *error)
{
	if (!config->nat_count && !config->lb_count)
		return 0;
	return sluice_error_set(error, -ENOTSUP,
				"the programs of this version do not translate yet: take nat and lbs "
				"out of the document");
}

static int gather(struct commit *commit, unsigned int flags, struct sluice_error *error)
{
	int result;

	result = sluice_check(commit->sw, commit->config, error) ?:
		 refuse_translation(commit->config, error) ?:
		 write_text(commit->config, &commit->text, &commit->length, error) ?:
		 attachments_read(commit->sw, &commit->running, error) ?:
		 place(commit, flags, error);
	/* Asked only when a device is new: a running port pays for no look at other switches. */
	if (!result && !same_attachments(commit))
		result = attachments_refuse_shared(commit->sw, &commit->next, error);
	result = result ?: make_devices(commit, flags, error) ?:
		 xsk_queues(commit->sw, commit->config, &commit->devices, &commit->next, error);
	if (result)
		return result;
	if (commit->sw->control->root)
		commit->before = *switch_root(commit->sw);
	commit->version = commit->before.version + 1;
	commit->placements = calloc(commit->config->port_count + 1, sizeof(*commit->placements));
	if (!commit->placements)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < commit->config->port_count; i++)
		commit->placements[i] = commit->next.list[i].placement;
	commit->uplink = tunnel_uplink(commit->config, &commit->next);
	return 0;
}

/* What the running version is, where it is not written whole. */
static bool same_as_edited(const struct commit *commit)
{
	const struct sluice_config *running = switch_config(commit->sw, NULL);
	char *text = NULL;
	size_t length;
	bool same;

	same = running && !write_text(running, &text, &length, NULL) &&
	       !strcmp(text, commit->text);
	free(text);
	return same;
}

static bool same_text(const struct commit *commit)
{
	char name[64], *text, *document;
	size_t length;
	bool same = false;

	snprintf(name, sizeof(name), "versions/%u.yaml", commit->before.version);
	if (state_read(commit->sw, name, &text, &length, NULL))
		return same_as_edited(commit);
	document = strchr(text, '\n');
	if (document)
		same = !strcmp(document + 1, commit->text);
	free(text);
	return same;
}

static bool sockets_in_place(const struct commit *commit)
{
	for (size_t i = 0; i < commit->config->port_count; i++)
		if (commit->next.list[i].xsk && commit->next.list[i].ifindex &&
		    !xsk_in_place(commit->sw,
				  ids_find(commit->sw->slots, commit->config->ports[i].name),
				  commit->next.list[i].ifindex))
			return false;
	return true;
}

static bool functions_in_place(const struct commit *commit)
{
	for (size_t i = 0; i < commit->config->port_count; i++)
		if (function_drift(&commit->config->ports[i], &commit->placements[i].function))
			return false;
	return true;
}

/* Whether the running version already is what is asked for, on the devices there are now. */
static bool nothing_differs(const struct commit *commit)
{
	return commit->before.version && same_text(commit) && commit->same_attachments &&
	       devices_in_place(commit) && sockets_in_place(commit) && functions_in_place(commit) &&
	       cpus_in_place(commit->config, &commit->devices, &commit->next);
}

/* Whether more is wrong with a running attachment than its far end. */
static bool device_drift(const struct commit *commit, const struct attachment *attachment)
{
	struct attachment near = *attachment;

	near.far_end_wrong = NULL;
	return needs_attach(commit, &near);
}

/* --- traces --- */

static int lay_version(struct commit *commit, struct sluice_error *error)
{
	struct sluice *sw = commit->sw;
	struct tables tables = { .lines = sw->lines, .count = sw->line_count };
	int result;

	result = tables_begin(&tables, sw->control->root, error) ?:
		 compile(&tables, commit->config, commit->placements, commit->uplink, sw->slots,
			 sw->rules, commit->version, &commit->root, error);
	tables_end(&tables);
	return result;
}

static int write_version(struct commit *commit, const char *why, struct sluice_error *error)
{
	struct version_head head = { .number = commit->version, .time = time(NULL) };

	snprintf(head.why, sizeof(head.why), "%s", why ? why : "");
	return state_write_version(commit->sw, &head, commit->text, commit->length, error);
}

/* Records what was and what will be attached: whatever of it a killed writer leaves is known. */
static int record_both(struct commit *commit, struct sluice_error *error)
{
	struct attachments both = {};
	int result;

	both.list = calloc(commit->running.count + commit->next.count + 1, sizeof(*both.list));
	if (!both.list)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < commit->next.count; i++)
		both.list[both.count++] = commit->next.list[i];
	for (size_t i = 0; i < commit->running.count; i++)
		if (!attachments_match(&commit->next, &commit->running.list[i]))
			both.list[both.count++] = commit->running.list[i];
	result = attachments_write(commit->sw, &both, error);
	free(both.list);
	return result;
}

static int attach_new(struct commit *commit, struct sluice_error *error)
{
	bool attached = false;
	int result = 0;

	for (size_t i = 0; i < commit->next.count && !result; i++) {
		struct attachment *attachment = &commit->next.list[i];
		const struct attachment *old = attachments_match(&commit->running, attachment);

		if (attachment->far_end_wrong && !device_drift(commit, attachment)) {
			result = attach_features(attachment, error);
		} else if (needs_attach(commit, attachment)) {
			attachment->since = commit->version;
			result = attach(commit->sw, attachment, &commit->devices, error);
			sluice_test_step("attached one");
			attached = true;
		} else if (old && old->change_count < attachment->change_count) {
			result = attach_features(attachment, error);
		}
	}
	/* Once the version runs, its hooks must be known, or they would be taken for leftovers. */
	return result || !attached ? result : record_both(commit, error);
}

static void publish(struct commit *commit)
{
	__atomic_store_n(&commit->sw->control->root, commit->root, __ATOMIC_RELEASE);
}

/* --- after the switch --- */

static int detach_gone(struct commit *commit, struct sluice_error *error)
{
	int result = 0;

	for (size_t i = 0; i < commit->running.count; i++) {
		const struct attachment *old = &commit->running.list[i];

		if (!attachments_match(&commit->next, old))
			result = detach(commit->sw, old, &commit->next, error) ?: result;
		else
			detach_features(old, &commit->next);
	}
	return result;
}

static int tidy(struct commit *commit, struct sluice_error *error)
{
	int result;

	result = devices_remove_gone(commit, error) ?:
		 functions_detach_others(commit->sw, &commit->running, &commit->next, error) ?:
		 cpus_put_back_others(commit->sw, commit->config, &commit->devices, &commit->next,
				      error) ?:
		 xsk_detach_others(commit->sw, commit->config, &commit->next, error);
	if (!result && !commit->same_attachments)
		result = detach_gone(commit, error) ?:
			 attachments_write(commit->sw, &commit->next, error);
	sluice_test_step("detached");
	return result ?: xsk_devices_remove_others(commit->sw, commit->config, error) ?:
	       functions_unmake_others(commit->sw, commit->config, error) ?:
	       state_prune_versions(commit->sw, commit->version,
					      confirm_target(commit->sw), error) ?:
	       state_remove(commit->sw, "changing", error);
}

static void remember_config(struct sluice *sw, const struct sluice_config *config,
			    __u32 version)
{
	struct sluice_config *copy;

	sluice_config_free(sw->config);
	sw->config = NULL;
	/* Without memory for it, it is read from its file when next needed. */
	if (!sluice_config_copy(config, &copy, NULL)) {
		sw->config = copy;
		sw->config_version = version;
	}
}

static int build(struct commit *commit, const char *why, struct sluice_error *error)
{
	struct sluice *sw = commit->sw;
	int result;

	result = state_mark(sw, "changing", error);
	sluice_test_step("changing");
	result = result ?: numbers_take(commit, error);
	sluice_test_step("numbered");
	result = result ?: lay_version(commit, error);
	sluice_test_step("compiled");
	result = result ?: write_version(commit, why, error);
	sluice_test_step("written");
	if (!commit->same_attachments) {
		result = result ?: record_both(commit, error);
		sluice_test_step("recorded");
		result = result ?: attach_new(commit, error);
		sluice_test_step("attached");
	}
	result = result ?: xsk_attach_all(sw, commit->config, &commit->devices, &commit->next,
					  error) ?:
		 functions_attach_all(sw, commit->config, &commit->next, error) ?:
		 cpus_put_all(sw, commit->config, &commit->devices, &commit->next, error);
	result = result ?: devices_fill(commit, error);
	sluice_test_step("filled");
	return result;
}

int switch_commit(struct sluice *sw, const struct sluice_config *config, const char *why,
		  unsigned int flags, unsigned int *version, struct sluice_error *error)
{
	struct commit commit = { .sw = sw, .config = config };
	int result;

	if (sw->lock_fd < 0)
		return sluice_error_set(error, -EINVAL, "a commit needs the switch's lock");
	result = switch_check_layout(sw, error) ?: gather(&commit, flags, error);
	commit.same_attachments = !result && same_attachments(&commit);
	if (!result && !(flags & COMMIT_ALWAYS) && nothing_differs(&commit)) {
		*version = commit.before.version;
		commit_free(&commit);
		return 0;
	}
	result = result ?: attachments_prepare(&commit.next, &commit.running, &commit.devices,
					       error);
	if (result) {
		if (commit.made_devices && sw->control->root)
			switch_heal(sw, NULL);
		commit_free(&commit);
		return result;
	}
	/* From here to the new version devices carry nothing: its verdicts may be others. */
	result = build(&commit, why, error) ?: offload_withdraw(sw, error);
	if (!result) {
		publish(&commit);
		sluice_test_step("published");
		remember_config(sw, config, commit.version);
		*version = commit.version;
		/* The version runs. What could not be tidied keeps its mark; the next writer goes on. */
		tidy(&commit, NULL);
		sluice_test_step("tidied");
	} else if (sw->control->root) {
		switch_heal(sw, NULL);
	}
	commit_free(&commit);
	return result;
}

int sluice_commit(struct sluice *sw, const struct sluice_config *config, const char *why,
		  unsigned int *version, struct sluice_error *error)
{
	return switch_commit(sw, config, why, 0, version, error);
}
