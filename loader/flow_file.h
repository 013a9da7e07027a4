/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words that the file of moved flows (struct sluice_moved) is written in, for who writes and who
 * reads it.
 *
 *   {"sluiceFlows":1,"switch":"sw0","time":1790000000,"ports":[{"name":"vm1","vnet":"blue",
 *    "mac":"52:54:00:12:34:56","addresses":["10.1.1.4"]}]}
 *   {"to":"vm1","protocol":"Tcp","source":"10.1.2.4","sourcePort":40000,"destination":"10.1.1.4",
 *    "destinationPort":443,"state":"established","packets":[9,7],"bytes":[900,700],
 *    "idleSeconds":0,"ageSeconds":12,"keep":false,"fins":[false,false],"wants":[1000,2000]}
 *   {"flows":1}
 *
 * "from" and "to" name the ports at the ends that are among "ports". "fins" and "wants", what each end
 * wants next, are TCP's. Nothing in it is a number of the switch it is from: no slot, rule id, VNI,
 * version or time of its clocks.
 */
#ifndef SLUICE_LOADER_FLOW_FILE_H
#define SLUICE_LOADER_FLOW_FILE_H

#include "loader/sluice.h"

#define PROTOCOL_ICMP   1
#define PROTOCOL_TCP    6
#define PROTOCOL_UDP    17
#define PROTOCOL_ICMPV6 58

/* One line of it as JSON; NULL when memory is short. */
json_t *flow_file_head(const struct sluice_moved *moved);
json_t *flow_file_line(const struct sluice_moved *moved, const struct sluice_moved_flow *flow);

#endif
