/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * traffic: sends, receives, and says what came, in one line of JSON.
 *
 *   traffic frames [--seconds S] [--packets N] [--flows N] [--prime] FROM TO [FROM TO]...
 *       60-byte UDP frames as fast as one CPU a pair can make them, counted in TO; over N flows
 *       (1), or, with --packets, each of the N in a flow of its own; --prime sends every flow
 *       once in both directions before.
 *   traffic bulk [--seconds S] FROM TO            one TCP connection
 *   traffic round-trip [--seconds S] FROM TO      a datagram and its echo, one at a time
 *   traffic probe FROM TO PORT                    one datagram; says whether it arrives
 *   traffic redirect xdp|tc|tc-peer NETNS A B     puts a bare redirect between two devices
 *
 * FROM, TO and NETNS are namespaces; a guest's device is eth0 and its address is read from there.
 */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "bench/traffic/traffic.h"

static const struct {
	const char *name;
	int (*run)(int count, char **arguments);
} commands[] = {
	{ "frames", command_frames }, { "bulk", command_bulk },
	{ "round-trip", command_round_trip }, { "probe", command_probe },
	{ "redirect", command_redirect },
};

int main(int count, char **arguments)
{
	/* A clsact that is there already is no news. */
	libbpf_set_print(NULL);
	for (unsigned long i = 0; count > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(arguments[1], commands[i].name))
			return commands[i].run(count - 1, arguments + 1);
	fprintf(stderr, "usage: traffic frames|bulk|round-trip|probe|redirect ...; "
			"bench/traffic/main.c says more\n");
	return 1;
}
