/* SPDX-License-Identifier: BSD-2-Clause */
/* A network namespace of the test's own. */
#ifndef SLUICE_TESTS_NAMESPACE_H
#define SLUICE_TESTS_NAMESPACE_H

/* Moves the process into a new network namespace, gone with it, that holds veth devices p1..pN
 * with far ends p1x..pNx, all up. Fails the running cmocka test when it can not. */
void enter_test_namespace(int devices);

#endif
