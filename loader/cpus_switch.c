/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPUs that a switch's document asks for: found, recorded, set, put back; see cpus.h. */
#include "loader/cpus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/state.h"

#define RECORD "cpus.json"

/* --- what the document asks for ------------------------------------------------------------- */

struct asking {
	const struct queue_view *view;
	const struct devices *devices;
	char home[32]; /* bus address of the first uplink that names its node */
	struct cpu_settings *wanted;
};

static void find_home(struct asking *asking, const struct sluice_config *config,
		      const struct attachments *attachments)
{
	for (size_t i = 0; i < config->uplink_count; i++) {
		const struct device *device = device_by_index(
			asking->devices, attachments->list[config->port_count + i].ifindex);
		struct queue_owner owner = { .net = "", .name = "", .bus_info = asking->home };
		struct queues queues;

		if (!device)
			continue;
		device_address(device, asking->home);
		queues_read(&asking->view->survey, &owner, &queues);
		if (queues.node >= 0)
			return;
	}
	asking->home[0] = '\0';
}

static bool native_xdp(const struct attachment *attachment)
{
	return attachment->hook == ATTACH_XDP || attachment->hook == ATTACH_DISPATCHER;
}

static int ask(struct asking *asking, const struct attachment *attachment, const char *cpus,
	       struct sluice_error *error)
{
	const struct device *device = device_by_index(asking->devices, attachment->ifindex);
	const char *role = attachment->uplink ? "uplink" : "port";
	size_t before = asking->wanted->count;
	struct sluice_error said;
	char address[32] = "";
	struct queue_owner owner = { .net = asking->view->net, .bus_info = address };
	int result;

	if (!cpus || !device) /* what is not there is set when it comes */
		return 0;
	owner.name = device->name;
	device_address(device, address);
	result = cpu_settings_want(asking->view, &owner, cpus, attachment->uplink ? "" : asking->home,
				   asking->wanted, &said);
	if (result)
		return sluice_error_set(error, result, "%s %s: %s", role, attachment->owner,
					said.message);
	if (asking->wanted->count > before && !asking->wanted->list[before].interrupt &&
	    native_xdp(attachment))
		return sluice_error_set(error, -ENOTSUP, "%s %s: cpus: native XDP at a device of "
					"software runs where frames are sent, and nothing moves it: "
					"set hook: tc, or leave cpus out", role, attachment->owner);
	return 0;
}

static bool any_asked(const struct sluice_config *config)
{
	bool any = false;

	for (size_t i = 0; config && i < config->port_count; i++)
		any |= !!config->ports[i].cpus;
	for (size_t i = 0; config && i < config->uplink_count; i++)
		any |= !!config->uplinks[i].cpus;
	return any;
}

static int want_all(const struct queue_view *view, const struct sluice_config *config,
		    const struct devices *devices, const struct attachments *attachments,
		    struct cpu_settings *wanted, struct sluice_error *error)
{
	struct asking asking = { .view = view, .devices = devices, .wanted = wanted };
	int result = 0;

	if (!any_asked(config))
		return 0;
	find_home(&asking, config, attachments);
	for (size_t i = 0; i < config->port_count && !result; i++)
		result = ask(&asking, &attachments->list[i], config->ports[i].cpus, error);
	for (size_t i = 0; i < config->uplink_count && !result; i++)
		result = ask(&asking, &attachments->list[config->port_count + i],
			     config->uplinks[i].cpus, error);
	return result;
}

/* --- the record ----------------------------------------------------------------------------- */

static int write_record(const struct sluice *sw, const struct cpu_settings *settings,
			struct sluice_error *error)
{
	json_t *list = json_array();
	char cpus[4096], was[4096], *text;
	int result;

	if (!settings->count) {
		json_decref(list);
		return state_remove(sw, RECORD, error);
	}
	for (size_t i = 0; i < settings->count; i++) {
		const struct cpu_setting *setting = &settings->list[i];

		cpu_list_text(&setting->cpus, cpus, sizeof(cpus));
		cpu_list_text(&setting->was, was, sizeof(was));
		json_array_append_new(list, json_pack("{sb si ss ss ss}", "interrupt",
						      (int)setting->interrupt, "number",
						      (int)setting->number, "device",
						      setting->device, "cpus", cpus, "was", was));
	}
	text = json_array_size(list) == settings->count ? json_dumps(list, JSON_INDENT(1)) : NULL;
	json_decref(list);
	if (!text)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	result = state_write(sw, RECORD, text, strlen(text), error);
	free(text);
	return result;
}

static int read_entry(const json_t *entry, struct cpu_setting *setting)
{
	const char *device, *cpus, *was;
	int interrupt, number;

	if (json_unpack((json_t *)entry, "{sb si ss ss ss}", "interrupt", &interrupt, "number",
			&number, "device", &device, "cpus", &cpus, "was", &was) ||
	    !cpu_list_parse(cpus, &setting->cpus) || !cpu_list_parse(was, &setting->was))
		return -EINVAL;
	setting->interrupt = interrupt;
	setting->number = (unsigned int)number;
	snprintf(setting->device, sizeof(setting->device), "%s", device);
	return 0;
}

static int read_record(const struct sluice *sw, struct cpu_settings *record,
		       struct sluice_error *error)
{
	const json_t *entry;
	json_t *list;
	char *text;
	size_t i;
	int result = state_read(sw, RECORD, &text, NULL, error);

	if (result)
		return result == -ENOENT ? 0 : result;
	list = json_loads(text, 0, NULL);
	free(text);
	result = json_is_array(list) ? 0 : -EINVAL;
	record->list = calloc(json_array_size(list) + 1, sizeof(*record->list));
	if (!record->list)
		result = -ENOMEM;
	json_array_foreach(list, i, entry) {
		result = result ?: read_entry(entry, &record->list[i]);
		record->count = i + 1;
	}
	json_decref(list);
	if (!result)
		return 0;
	cpu_settings_free(record);
	return sluice_error_set(error, result, "%s/" RECORD " is damaged: remove it; the CPUs of "
				"interrupts and RPS then stay as they are", sw->state);
}

/* Everything that is or was: until the new settings stand, both have to be known. */
static int record_both(const struct sluice *sw, const struct cpu_settings *wanted,
		       const struct cpu_settings *record, struct sluice_error *error)
{
	struct cpu_settings both = {};
	int result;

	both.list = calloc(wanted->count + record->count + 1, sizeof(*both.list));
	if (!both.list)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < wanted->count; i++)
		both.list[both.count++] = wanted->list[i];
	for (size_t i = 0; i < record->count; i++)
		if (!cpu_settings_find(wanted, &record->list[i]))
			both.list[both.count++] = record->list[i];
	result = write_record(sw, &both, error);
	cpu_settings_free(&both);
	return result;
}

/* --- all of a switch's ------------------------------------------------------------------------ */

int cpus_put_all(const struct sluice *sw, const struct sluice_config *config,
		 const struct devices *devices, const struct attachments *attachments,
		 struct sluice_error *error)
{
	struct cpu_settings wanted = {}, record = {};
	struct queue_view view;
	int result;

	if (!any_asked(config))
		return 0;
	queue_view_open(&view);
	result = want_all(&view, config, devices, attachments, &wanted, error) ?:
		 read_record(sw, &record, error) ?:
		 cpu_settings_note(&view, &record, &wanted, error) ?:
		 record_both(sw, &wanted, &record, error) ?:
		 cpu_settings_put(&view, &wanted, error);
	queue_view_close(&view);
	cpu_settings_free(&wanted);
	cpu_settings_free(&record);
	return result;
}

int cpus_put_back_others(const struct sluice *sw, const struct sluice_config *config,
			 const struct devices *devices, const struct attachments *attachments,
			 struct sluice_error *error)
{
	struct cpu_settings wanted = {}, record = {};
	struct queue_view view;
	int result;

	if (!state_has(sw, RECORD))
		return 0;
	queue_view_open(&view);
	result = want_all(&view, config, devices, attachments, &wanted, error) ?:
		 read_record(sw, &record, error) ?:
		 cpu_settings_note(&view, &record, &wanted, error) ?:
		 cpu_settings_put_back(&view, &record, &wanted, error);
	/* What could not be put back once cannot be later. */
	if (!result || !config)
		result = write_record(sw, &wanted, result ? NULL : error) ?: result;
	queue_view_close(&view);
	cpu_settings_free(&wanted);
	cpu_settings_free(&record);
	return result;
}

bool cpus_in_place(const struct sluice_config *config, const struct devices *devices,
		   const struct attachments *attachments)
{
	struct cpu_settings wanted = {};
	struct queue_view view;
	bool there;

	if (!any_asked(config))
		return true;
	queue_view_open(&view);
	there = !want_all(&view, config, devices, attachments, &wanted, NULL) &&
		cpu_settings_in_place(&view, &wanted);
	queue_view_close(&view);
	cpu_settings_free(&wanted);
	return there;
}
