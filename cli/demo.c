// SPDX-License-Identifier: BSD-2-Clause
/*
 * up --demo and down --demo: a playground of namespaces as guests. It touches no NIC; everything
 * it makes has "sluice-demo-" or "sldemo-" in its name.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/wire.h"

#define DEMO_SWITCH  "demo"
#define DEMO_PIDFILE "/run/sluice/" DEMO_SWITCH "/wire.pid"
#define WIRE_END_MS  5000

struct guest {
	const char *name;
	const char *mac;
	const char *subnet4; /* its first three bytes */
	const char *subnet6; /* its first four words */
	int host;            /* the last byte of both addresses */
	bool tap;
};

static const struct guest guests[] = {
	{ "web1", "52:54:00:00:01:04", "10.1.1", "fd00:1:0:1", 4, false },
	{ "web2", "52:54:00:00:01:05", "10.1.1", "fd00:1:0:1", 5, false },
	{ "db1", "52:54:00:00:02:04", "10.1.2", "fd00:1:0:2", 4, false },
	{ "vm1", "52:54:00:00:02:05", "10.1.2", "fd00:1:0:2", 5, true },
	{ "red1", "52:54:00:00:01:04", "10.1.1", "fd00:1:0:1", 4, false },
	{ "red2", "52:54:00:00:02:04", "10.1.2", "fd00:1:0:2", 4, false },
};
#define GUEST_COUNT (sizeof(guests) / sizeof(guests[0]))

static const char document_head[] =
	"apiVersion: sluice/v1\n"
	"switch: {name: " DEMO_SWITCH "}\n"
	"vnets:\n"
	"  - name: blue\n"
	"    vni: 5001\n"
	"    prefixes: [10.1.0.0/16, \"fd00:1::/48\"]\n"
	"    subnets:\n"
	"      - {name: web, prefixes: [10.1.1.0/24, \"fd00:1:0:1::/64\"], nsg: web}\n"
	"      - {name: db, prefixes: [10.1.2.0/24, \"fd00:1:0:2::/64\"], nsg: db}\n"
	"  - name: red\n"
	"    vni: 5002\n"
	"    prefixes: [10.1.0.0/16, \"fd00:1::/48\"]\n"
	"    subnets:\n"
	"      - {name: web, prefixes: [10.1.1.0/24, \"fd00:1:0:1::/64\"]}\n"
	"      - {name: db, prefixes: [10.1.2.0/24, \"fd00:1:0:2::/64\"]}\n"
	"asgs: [frontends]\n"
	"nsgs:\n"
	"  web:\n"
	"    rules:\n"
	"      - {name: http, priority: 100, direction: Inbound, access: Allow, protocol: Tcp,\n"
	"         destinationPorts: [\"80\"]}\n"
	"      - {name: dns, priority: 110, direction: Inbound, access: Allow, protocol: Udp,\n"
	"         destinationPorts: [\"53\"]}\n"
	"      - {name: ping, priority: 120, direction: Inbound, access: Allow, protocol: Icmp}\n"
	"      - {name: rest, priority: 4096, direction: Inbound, access: Deny, protocol: \"*\"}\n"
	"  db:\n"
	"    rules:\n"
	"      - {name: sql, priority: 100, direction: Inbound, access: Allow, protocol: Tcp,\n"
	"         sources: [\"asg:frontends\"], destinationPorts: [\"5432\"]}\n"
	"      - {name: dns, priority: 110, direction: Inbound, access: Allow, protocol: Udp,\n"
	"         sources: [10.1.1.0/24, \"fd00:1:0:1::/64\"], destinationPorts: [\"53\"]}\n"
	"      - {name: ping, priority: 120, direction: Inbound, access: Allow, protocol: Icmp}\n"
	"      - {name: rest, priority: 4096, direction: Inbound, access: Deny, protocol: \"*\"}\n"
	"ports:\n";

static const char *netns_of(const struct guest *guest)
{
	static char name[64];

	snprintf(name, sizeof(name), "sluice-demo-%s", guest->name);
	return name;
}

static const char *device_of(const struct guest *guest)
{
	static char name[16];

	snprintf(name, sizeof(name), "sldemo-%s", guest->name);
	return name;
}

/* --- running ip(8) -------------------------------------------------------------------------- */

static void exec_ip(const char *netns, int input, bool quiet)
{
	const char *arguments[8] = { "ip" };
	size_t count = 1;

	if (netns) {
		arguments[count++] = "-n";
		arguments[count++] = netns;
	}
	arguments[count++] = "-force";
	if (!quiet)
		count--;
	arguments[count++] = "-batch";
	arguments[count++] = "-";
	arguments[count] = NULL;
	dup2(input, STDIN_FILENO);
	if (quiet && !freopen("/dev/null", "w", stderr))
		_exit(127);
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	execvp(arguments[0], (char *const *)arguments);
	_exit(127);
}

/* Runs lines of ip's batch language, in a namespace unless NULL. quiet: go on after failures, and
 * say nothing of them. */
static int run_ip(const char *netns, const char *lines, bool quiet, struct sluice_error *error)
{
	int pipe_fds[2], status;
	ssize_t length = strlen(lines);
	pid_t child;

	if (pipe(pipe_fds))
		return sluice_error_set(error, -errno, "no pipe: %s", strerror(errno));
	child = fork();
	if (child == 0) {
		close(pipe_fds[1]);
		exec_ip(netns, pipe_fds[0], quiet);
	}
	close(pipe_fds[0]);
	/* A pipe holds far more than these few lines. */
	if (child < 0 || write(pipe_fds[1], lines, length) != length) {
		close(pipe_fds[1]);
		return sluice_error_set(error, -EIO, "ip can not be started");
	}
	close(pipe_fds[1]);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return sluice_error_set(error, -EIO, "ip was killed");
	if (WEXITSTATUS(status) == 127)
		return sluice_error_set(error, -ENOENT,
					"ip is not there; run: apt-get install iproute2");
	if (WEXITSTATUS(status) && !quiet)
		return sluice_error_set(error, -EIO, "ip failed; the line above is its own");
	return 0;
}

/* --- building ------------------------------------------------------------------------------- */

static int build_guest(const struct guest *guest, pid_t *wire, struct sluice_error *error)
{
	char netns[64], lines[1024];
	const char *device = device_of(guest);
	int err;

	snprintf(netns, sizeof(netns), "%s", netns_of(guest));
	snprintf(lines, sizeof(lines), "netns add %s\n", netns);
	err = run_ip(NULL, lines, false, error);
	if (err)
		return err;
	if (guest->tap) {
		err = wire_start(device, netns, wire, error);
		lines[0] = '\0';
	} else {
		snprintf(lines, sizeof(lines), "link add %s type veth peer name eth0 netns %s\n",
			 device, netns);
	}
	/* The host's own end speaks no IPv6: nothing but the guest's frames comes from it. */
	snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines),
		 "link set dev %s addrgenmode none\nlink set dev %s up\n", device, device);
	err = err ?: run_ip(NULL, lines, false, error);
	snprintf(lines, sizeof(lines),
		 "link set dev lo up\n"
		 "link set dev eth0 address %s\n"
		 "link set dev eth0 addrgenmode none\n"
		 "link set dev eth0 up\n"
		 "address add %s.%d/24 dev eth0\n"
		 "address add %s::%d/64 dev eth0 nodad\n"
		 "route add default via %s.1\n"
		 "route add ::/0 via %s::1\n",
		 guest->mac, guest->subnet4, guest->host, guest->subnet6, guest->host,
		 guest->subnet4, guest->subnet6);
	return err ?: run_ip(netns, lines, false, error);
}

static int make_document(struct sluice_config **config, struct sluice_error *error)
{
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);
	int err;

	if (!stream)
		return sluice_error_set(error, -ENOMEM, "out of memory");
	fputs(document_head, stream);
	for (size_t i = 0; i < GUEST_COUNT; i++) {
		const struct guest *guest = &guests[i];
		bool web = !strcmp(guest->subnet4, "10.1.1");

		fprintf(stream,
			"  - {name: %s, device: %s, vnet: %s, subnet: %s, mac: \"%s\",\n"
			"     addresses: [%s.%d, \"%s::%d\"], asgs: [%s]}\n",
			guest->name, device_of(guest), i < 4 ? "blue" : "red", web ? "web" : "db",
			guest->mac, guest->subnet4, guest->host, guest->subnet6, guest->host,
			i < 4 && web ? "frontends" : "");
	}
	fclose(stream);
	err = sluice_config_parse(text, length, "the demo's document", config, error);
	free(text);
	return err;
}

static int write_pid(pid_t pid, struct sluice_error *error)
{
	FILE *file = fopen(DEMO_PIDFILE, "we");

	if (!file || fprintf(file, "%d\n", pid) < 0 || fclose(file))
		return sluice_error_set(error, -errno, "%s: %s", DEMO_PIDFILE, strerror(errno));
	return 0;
}

/* --- taking off ----------------------------------------------------------------------------- */

/* The process of the tap guest, or 0. */
static pid_t read_pid(void)
{
	FILE *file = fopen(DEMO_PIDFILE, "re");
	int pid = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%d", &pid) != 1 || !wire_is(pid))
		pid = 0;
	fclose(file);
	return pid;
}

/* It ends by itself when its tap is deleted. A child of this very process is waited for as one. */
static void await_end(pid_t pid)
{
	struct pollfd end = { .events = POLLIN };

	if (!pid)
		return;
	end.fd = syscall(SYS_pidfd_open, pid, 0);
	if (end.fd < 0)
		return;
	if (poll(&end, 1, WIRE_END_MS) == 0 && wire_is(pid))
		kill(pid, SIGKILL);
	close(end.fd);
	waitpid(pid, NULL, WNOHANG);
}

static bool guest_there(const struct guest *guest)
{
	char path[128];

	snprintf(path, sizeof(path), "/run/netns/%s", netns_of(guest));
	if (!access(path, F_OK))
		return true;
	snprintf(path, sizeof(path), "/sys/class/net/%s", device_of(guest));
	return !access(path, F_OK);
}

/* Removes whatever of the demo is there. Gives whether something was. */
static bool remove_all(pid_t wire)
{
	struct sluice_options options = { .name = DEMO_SWITCH };
	struct sluice_error ignored;
	bool something;
	char lines[128];

	if (!wire)
		wire = read_pid();
	something = !sluice_down(&options, &ignored);
	for (size_t i = 0; i < GUEST_COUNT; i++) {
		if (!guest_there(&guests[i]))
			continue;
		something = true;
		snprintf(lines, sizeof(lines), "link delete dev %s\n", device_of(&guests[i]));
		run_ip(NULL, lines, true, &ignored);
		if (guests[i].tap)
			await_end(wire);
		snprintf(lines, sizeof(lines), "netns delete %s\n", netns_of(&guests[i]));
		run_ip(NULL, lines, true, &ignored);
	}
	return something;
}

/* --- the commands --------------------------------------------------------------------------- */

static void print_playground(const struct invocation *invocation)
{
	if (invocation->json) {
		json_t *list = json_array();

		for (size_t i = 0; i < GUEST_COUNT; i++)
			json_array_append_new(list, json_pack("{ssss}", "port", guests[i].name,
							      "netns", netns_of(&guests[i])));
		print_json(json_pack("{ssso}", "switch", DEMO_SWITCH, "guests", list));
		return;
	}
	printf("The demo is up: switch %s, vnets blue and red with the same addresses.\n\n",
	       DEMO_SWITCH);
	for (size_t i = 0; i < GUEST_COUNT; i++)
		printf("  %-5s %s/%-4s %s.%d  %s::%d  namespace %s%s\n", guests[i].name,
		       i < 4 ? "blue" : "red", strcmp(guests[i].subnet4, "10.1.1") ? "db" : "web",
		       guests[i].subnet4, guests[i].host, guests[i].subnet6, guests[i].host,
		       netns_of(&guests[i]), guests[i].tap ? " (behind a tap)" : "");
	printf("\nTry:\n"
	       "  ip netns exec sluice-demo-web1 ping -c 3 10.1.2.4\n"
	       "  sluice --switch %s trace web1 tcp 10.1.1.4 10.1.2.4:22\n"
	       "  sluice --switch %s observe -f\n"
	       "Remove it: sluice down --demo\n",
	       DEMO_SWITCH, DEMO_SWITCH);
}

int demo_up(struct invocation *invocation)
{
	struct sluice_options options = { .name = DEMO_SWITCH };
	struct sluice_error error = { 0 };
	struct sluice_config *config;
	pid_t wire = 0;
	int err;

	if (invocation->netns || invocation->what_if || invocation->confirm_given)
		return usage_error(invocation, "--demo takes neither -n, --what-if nor --confirm");
	for (size_t i = 0; i < GUEST_COUNT; i++)
		if (guest_there(&guests[i]))
			return refuse_text(invocation,
					   "there is a demo already (%s); run: sluice "
					   "down --demo",
					   netns_of(&guests[i]));
	if (make_document(&config, &error))
		return refuse(invocation, &error);
	err = 0;
	for (size_t i = 0; i < GUEST_COUNT && !err; i++)
		err = build_guest(&guests[i], &wire, &error);
	err = err ?: sluice_up(&options, config, &error) ?: write_pid(wire, &error);
	sluice_config_free(config);
	if (err) {
		remove_all(wire);
		return refuse(invocation, &error);
	}
	print_playground(invocation);
	return EXIT_DONE;
}

int demo_down(struct invocation *invocation)
{
	bool something = remove_all(0);

	if (invocation->json)
		print_json(json_pack("{sssb}", "switch", DEMO_SWITCH, "up", 0));
	else
		printf("%s\n", something ? "the demo is gone" : "there was no demo");
	return EXIT_DONE;
}
