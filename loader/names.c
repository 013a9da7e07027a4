// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names for the numbers that packets, counters and events carry.
 */
#include <errno.h>
#include <string.h>

#include "loader/switch.h"

static const char *const drop_reason_names[DROP_REASON_COUNT] = { [DROP_NONE] = "none",
#define X(identifier, name, stage, text) [DROP_##identifier] = name,
								  DROP_REASONS(X)
#undef X
};

static const char *const drop_reason_helps[DROP_REASON_COUNT] = { [DROP_NONE] = "not dropped",
#define X(identifier, name, stage, text) [DROP_##identifier] = text,
								  DROP_REASONS(X)
#undef X
};

static const char *const flow_state_names[FLOW_STATE_COUNT] = {
#define X(identifier, name, seconds, text) [FLOW_##identifier] = name,
	FLOW_STATES(X)
#undef X
};

static const char *const delivery_names[DELIVERY_COUNT] = {
#define X(identifier, name) [DELIVERY_##identifier] = name,
	DELIVERIES(X)
#undef X
};

const char *sluice_drop_reason_name(enum drop_reason reason)
{
	return reason < DROP_REASON_COUNT ? drop_reason_names[reason] : "unknown";
}

const char *sluice_drop_reason_help(enum drop_reason reason)
{
	return reason < DROP_REASON_COUNT ? drop_reason_helps[reason] : "unknown";
}

const char *sluice_flow_state_name(enum flow_state state)
{
	return state < FLOW_STATE_COUNT ? flow_state_names[state] : "unknown";
}

const char *sluice_delivery_name(enum delivery delivery)
{
	return delivery < DELIVERY_COUNT ? delivery_names[delivery] : "unknown";
}

/* Keys are "nsg/NSG/in/RULE", "nsg/NSG/out/RULE" and "acl/ACL/RULE"; what is shown leaves out the
 * kind and the direction. */
const char *sluice_rule_name(struct sluice *sw, unsigned int id)
{
	const char *key, *owner, *owner_end, *rule;

	if (!id || !switch_config(sw, NULL))
		return NULL;
	key = ids_key(sw->rules, id);
	if (!key)
		return NULL;
	owner = strchr(key, '/');
	owner_end = owner ? strchr(owner + 1, '/') : NULL;
	rule = strrchr(key, '/');
	if (!owner_end)
		return NULL;
	snprintf(sw->rule_name, sizeof(sw->rule_name), "%.*s/%s", (int)(owner_end - owner - 1),
		 owner + 1, rule + 1);
	return sw->rule_name;
}

const char *sluice_slot_name(struct sluice *sw, unsigned int slot)
{
	if (!slot || !switch_config(sw, NULL))
		return NULL;
	return ids_key(sw->slots, slot);
}

const char *sluice_vni_name(struct sluice *sw, unsigned int vni)
{
	const struct sluice_config *config = switch_config(sw, NULL);

	for (size_t i = 0; config && i < config->vnet_count; i++)
		if (config->vnets[i].vni == vni)
			return config->vnets[i].name;
	return NULL;
}

int sluice_port_slot(struct sluice *sw, const char *port, struct sluice_error *error)
{
	const struct sluice_config *config = switch_config(sw, error);
	__u32 slot;

	if (!config)
		return -EIO;
	for (size_t i = 0; i < config->port_count; i++) {
		if (strcmp(config->ports[i].name, port))
			continue;
		slot = ids_find(sw->slots, port);
		if (slot)
			return slot;
		break;
	}
	return sluice_error_set(error, -ENOENT,
				"switch %s has no port \"%s\" (see: sluice port list)", sw->name,
				port);
}
