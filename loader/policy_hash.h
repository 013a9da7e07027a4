/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether two policies are the same, told by a hash kept with their lines.
 *
 * A policy's content is the sum of a term for each rule, which is all that the rule means to a
 * packet, and a term for each rule's place: an NSG's rule is known by its priority, an ACL's by the
 * id of the rule before it. A sum, so that a rule that is added adds its terms and touches at most
 * one other. Terms are SipHash values of 128 bits under a secret of the switch: nobody who writes
 * rules can aim at a sum.
 */
#ifndef SLUICE_LOADER_POLICY_HASH_H
#define SLUICE_LOADER_POLICY_HASH_H

#include "loader/classifier.h"

struct policy_content {
	__u64 half[2];
};

/* sum += what the rule says. */
void policy_hash_rule(const __u64 seed[2], const struct classifier_rule *rule,
		      struct policy_content *sum);
/* sum += its place; with take_out: -=. */
void policy_hash_place(const __u64 seed[2], __u32 rule, __u32 link, bool take_out,
		       struct policy_content *sum);
/* Which policy: "nsg/web/in", "acl/main", "acls" for those of the switch; vni 0: in every vnet. */
__u64 policy_key(const __u64 seed[2], const char *group, enum direction direction, __u32 vni);

#endif
