/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where in its policy a rule stands: its neighbours in the document, and an order between theirs.
 */
#ifndef SLUICE_LOADER_PLACE_H
#define SLUICE_LOADER_PLACE_H

#include "loader/overlay.h"

/* Numbers of the rules of the same direction before and behind an added one; 0: none. */
struct acl_neighbours {
	__u32 before;
	__u32 behind;
};

struct acl_neighbours acl_neighbours(const struct sluice_config *config, const struct ids *rules,
				     const struct added_rule *added);
/* An order between those of the neighbours in a record's classifier. -EAGAIN: there is none. */
int acl_order_between(const struct tables *tables, const struct policy_record *record,
		      const struct acl_neighbours *neighbours, __u32 *order);
/* Calls visit for each rule of the policy that a rule is added to, of its direction; a non-zero
 * return ends it and is returned. All ACLs that apply to the switch are one policy. */
int each_policy_rule(const struct sluice_config *config, const struct ids *rules,
		     const struct added_rule *added,
		     int (*visit)(const struct sluice_rule *rule, __u32 number, void *context),
		     void *context);

#endif
