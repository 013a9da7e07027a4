/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest does in the tests: serve, ask, hold a connection open, move bulk, watch its wire.
 *
 *   guest serve tcp:80 udp:53 sink:9000   echo (sink: swallow) until killed; says "ready"
 *   guest tcp|udp ADDRESS PORT [MS [SIZE]]  one question; says "reached", "refused" or "silence"
 *   guest hold ADDRESS PORT [udp]         a TCP connection, or a UDP socket that stays; each line "MS" on
 *                                         stdin: say something, wait MS for the echo, say "heard",
 *                                         "silence" or "closed"
 *   guest bulk ADDRESS PORT MEGABYTES     to a sink; says megabits per second
 *   guest burst ADDRESS PORT COUNT [MS]   COUNT datagrams to an echo at most 64 under way; says
 *                                         "sent N heard N"
 *   guest wire NETNS TAP                  a virtual NIC: copies frames between the tap TAP here and
 *                                         the tap eth0 in NETNS, both of which it makes; says "ready"
 *   guest watch MARK                      count frames that hold MARK until stdin ends; says so
 *
 * Exit: 0 as hoped, 1 not, 2 it could not be tried.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_SOCKETS 512

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static long long now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static struct addrinfo *resolve(const char *address, const char *port, int type)
{
	struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *found;

	if (getaddrinfo(address, port, &hints, &found)) {
		fprintf(stderr, "no address: %s %s\n", address, port);
		exit(2);
	}
	return found;
}

static bool readable(int fd, long long until)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	long long left = until - now_ms();

	return poll(&poll_fd, 1, left > 0 ? (int)left : 0) > 0;
}

static int say(const char *word, int code)
{
	puts(word);
	fflush(stdout);
	return code;
}

static int ask_tcp(struct addrinfo *to, int ms, int keep)
{
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0), code = 0;
	struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
	long long until = now_ms() + ms;
	socklen_t length = sizeof(code);
	char byte = 'x';

	if (fd < 0)
		die("socket");
	if (connect(fd, to->ai_addr, to->ai_addrlen) && errno != EINPROGRESS)
		return say("refused", 1);
	if (poll(&poll_fd, 1, ms) <= 0)
		return say("silence", 1);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length);
	if (code)
		return say("refused", 1);
	if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
		return say("refused", 1);
	if (!readable(fd, until))
		return say("silence", 1);
	if (recv(fd, &byte, 1, 0) != 1)
		return say("refused", 1);
	if (!keep)
		close(fd);
	return keep ? fd : say("reached", 0);
}

/* Asks again every 200 ms: what is wanted is whether an answer can come, not whether one got lost. */
static int ask_udp(struct addrinfo *to, int ms, size_t size)
{
	int fd = socket(to->ai_family, SOCK_DGRAM, 0);
	long long until = now_ms() + ms, next;
	char *text = calloc(1, size + 1), *answer = calloc(1, size + 1);
	ssize_t got;

	if (fd < 0 || !text || connect(fd, to->ai_addr, to->ai_addrlen))
		die("socket");
	memset(text, 'x', size);
	while (now_ms() < until) {
		if (send(fd, text, size, 0) < 0 && errno != ECONNREFUSED)
			return say("refused", 1);
		next = now_ms() + 200;
		if (!readable(fd, next < until ? next : until))
			continue;
		got = recv(fd, answer, size, 0);
		if (got < 0)
			return say("refused", 1);
		if (got == (ssize_t)size && !memcmp(text, answer, size))
			return say("reached", 0);
	}
	return say("silence", 1);
}

/* A datagram socket that has heard something of the other end. */
static int meet_udp(struct addrinfo *to)
{
	int fd = socket(to->ai_family, SOCK_DGRAM, 0);
	char byte = 'x';

	if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen))
		die("socket");
	if (send(fd, &byte, 1, 0) != 1 || !readable(fd, now_ms() + 5000))
		return say("silence", 1);
	return recv(fd, &byte, 1, 0) == 1 ? fd : say("refused", 1);
}

static int hold(struct addrinfo *to)
{
	int fd = to->ai_socktype == SOCK_DGRAM ? meet_udp(to) : ask_tcp(to, 5000, 1);
	char line[64], sent = 'a', got;
	long long until;

	if (fd < 2)
		return 1;
	say("open", 0);
	while (fgets(line, sizeof(line), stdin)) {
		until = now_ms() + atoi(line);
		sent = sent == 'z' ? 'a' : sent + 1;
		if (send(fd, &sent, 1, MSG_NOSIGNAL) != 1) {
			say("closed", 1);
			continue;
		}
		/* What an earlier question's answer still owes comes first. */
		do {
			if (!readable(fd, until)) {
				say("silence", 1);
				goto next;
			}
			if (recv(fd, &got, 1, 0) != 1) {
				say("closed", 1);
				goto next;
			}
		} while (got != sent);
		say("heard", 0);
	next:;
	}
	return 0;
}

static int bulk(struct addrinfo *to, long megabytes)
{
	int fd = socket(to->ai_family, SOCK_STREAM, 0);
	static char block[1 << 20];
	long long begun = now_ms();
	ssize_t sent;

	if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen))
		return say("refused", 1);
	for (long left = megabytes << 20; left > 0; left -= sent) {
		sent = send(fd, block, left < (long)sizeof(block) ? (size_t)left : sizeof(block),
			    MSG_NOSIGNAL);
		if (sent <= 0)
			return say("refused", 1);
	}
	shutdown(fd, SHUT_WR);
	/* The sink says how much it swallowed. */
	if (recv(fd, block, sizeof(block), 0) <= 0 || atol(block) != megabytes << 20)
		return say("short", 1);
	printf("%lld\n", megabytes * 8388LL / (now_ms() - begun + 1));
	return 0;
}

static int burst(struct addrinfo *to, long count, int ms)
{
	int fd = socket(to->ai_family, SOCK_DGRAM, 0), room = 8 << 20;
	long sent = 0, heard = 0;
	long long until = now_ms() + ms;
	long number;

	if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen))
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	while (heard < count && now_ms() < until) {
		if (sent < count && sent - heard < 64) {
			number = sent;
			if (send(fd, &number, sizeof(number), 0) == sizeof(number))
				sent++;
			continue;
		}
		if (readable(fd, until) && recv(fd, &number, sizeof(number), 0) == sizeof(number))
			heard++;
	}
	while (heard < sent && readable(fd, now_ms() + 300))
		if (recv(fd, &number, sizeof(number), 0) == sizeof(number))
			heard++;
	printf("sent %ld heard %ld\n", sent, heard);
	return heard == count ? 0 : 1;
}

static int watch(const char *mark)
{
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	struct pollfd both[2] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
	struct sockaddr_ll from;
	socklen_t from_length;
	static char frame[65536];
	long seen = 0;

	if (fd < 0)
		die("AF_PACKET");
	say("ready", 0);
	/* Everything that has arrived is counted before the end of stdin is believed. */
	for (;;) {
		poll(both, 2, -1);
		if (both[0].revents & POLLIN) {
			ssize_t length;

			from_length = sizeof(from);
			length = recvfrom(fd, frame, sizeof(frame), 0, (struct sockaddr *)&from,
					  &from_length);
			/* What the guest itself sends, an echo perhaps, is not what it was sent. */
			if (length > 0 && from.sll_pkttype != PACKET_OUTGOING &&
			    memmem(frame, length, mark, strlen(mark)))
				seen++;
		} else if (both[1].revents) {
			break;
		}
	}
	printf("%ld\n", seen);
	return 0;
}

/* A tap that lasts as long as this process. */
static int tap_open(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	memcpy(request.ifr_name, name, strnlen(name, sizeof(request.ifr_name) - 1));
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request))
		die("/dev/net/tun");
	return fd;
}

static _Noreturn void wire(const char *netns, const char *name)
{
	struct pollfd ends[2] = {{.events = POLLIN}, {.events = POLLIN}};
	static char frame[65536];
	char path[256];
	ssize_t length;
	int ns;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	ends[0].fd = tap_open(name);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET))
		die(path);
	ends[1].fd = tap_open("eth0");
	say("ready", 0);
	for (;;) {
		poll(ends, 2, -1);
		for (int i = 0; i < 2; i++) {
			if (!(ends[i].revents & POLLIN))
				continue;
			length = read(ends[i].fd, frame, sizeof(frame));
			/* An end that is down refuses frames, as a NIC without a link does. */
			if (length > 0 && write(ends[!i].fd, frame, length) < 0 && errno != EIO)
				die("write");
		}
	}
}

/* --- serving: one loop over all sockets --- */

struct service {
	struct pollfd fd[MOST_SOCKETS];
	char kind[MOST_SOCKETS]; /* l: listening echo, L: listening sink, u: datagrams, e, s: streams */
	long long swallowed[MOST_SOCKETS];
	int count;
};

static void service_add(struct service *service, int fd, char kind)
{
	if (service->count == MOST_SOCKETS) {
		close(fd);
		return;
	}
	service->fd[service->count] = (struct pollfd){.fd = fd, .events = POLLIN};
	service->kind[service->count] = kind;
	service->swallowed[service->count++] = 0;
}

static void service_open(struct service *service, const char *what)
{
	bool udp = !strncmp(what, "udp:", 4), sink = !strncmp(what, "sink:", 5);
	struct sockaddr_in6 local = {.sin6_family = AF_INET6};
	int fd = socket(AF_INET6, udp ? SOCK_DGRAM : SOCK_STREAM, 0), on = 1, room = 8 << 20;

	local.sin6_port = htons(atoi(strchr(what, ':') + 1));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local)) ||
	    (!udp && listen(fd, 64)))
		die(what);
	service_add(service, fd, udp ? 'u' : sink ? 'L' : 'l');
}

/* One event on one socket. false: the socket is done with. */
static bool service_turn(struct service *service, int i)
{
	static char block[1 << 20];
	struct sockaddr_in6 peer;
	socklen_t length = sizeof(peer);
	int fd = service->fd[i].fd, fresh;
	ssize_t got;

	switch (service->kind[i]) {
	case 'l':
	case 'L':
		fresh = accept(fd, NULL, NULL);
		if (fresh >= 0)
			service_add(service, fresh, service->kind[i] == 'l' ? 'e' : 's');
		return true;
	case 'u':
		got = recvfrom(fd, block, sizeof(block), 0, (struct sockaddr *)&peer, &length);
		if (got >= 0)
			sendto(fd, block, got, 0, (struct sockaddr *)&peer, length);
		return true;
	case 'e':
		got = recv(fd, block, sizeof(block), 0);
		return got > 0 && send(fd, block, got, MSG_NOSIGNAL) == got;
	default:
		got = recv(fd, block, sizeof(block), 0);
		if (got > 0)
			service->swallowed[i] += got;
		else
			dprintf(fd, "%lld\n", service->swallowed[i]);
		return got > 0;
	}
}

static _Noreturn void serve(char **services)
{
	static struct service service;
	int count;

	while (*services)
		service_open(&service, *services++);
	say("ready", 0);
	for (;;) {
		poll(service.fd, service.count, -1);
		count = service.count;
		for (int i = 0; i < count; i++) {
			if (!service.fd[i].revents || service_turn(&service, i))
				continue;
			close(service.fd[i].fd);
			service.fd[i].fd = -1;
		}
		count = 0;
		for (int i = 0; i < service.count; i++) {
			if (service.fd[i].fd < 0)
				continue;
			service.fd[count] = service.fd[i];
			service.kind[count] = service.kind[i];
			service.swallowed[count++] = service.swallowed[i];
		}
		service.count = count;
	}
}

int main(int count, char **word)
{
	const char *verb = count > 1 ? word[1] : "";

	if (!strcmp(verb, "serve") && count > 2)
		serve(word + 2);
	if (!strcmp(verb, "wire") && count == 4)
		wire(word[2], word[3]);
	if (!strcmp(verb, "watch") && count == 3)
		return watch(word[2]);
	if (!strcmp(verb, "tcp") && count >= 4)
		return ask_tcp(resolve(word[2], word[3], SOCK_STREAM), count > 4 ? atoi(word[4]) : 5000, 0);
	if (!strcmp(verb, "udp") && count >= 4)
		return ask_udp(resolve(word[2], word[3], SOCK_DGRAM), count > 4 ? atoi(word[4]) : 5000,
			       count > 5 ? atoi(word[5]) : 32);
	if (!strcmp(verb, "hold") && count >= 4)
		return hold(resolve(word[2], word[3], count > 4 ? SOCK_DGRAM : SOCK_STREAM));
	if (!strcmp(verb, "bulk") && count == 5)
		return bulk(resolve(word[2], word[3], SOCK_STREAM), atol(word[4]));
	if (!strcmp(verb, "burst") && count >= 5)
		return burst(resolve(word[2], word[3], SOCK_DGRAM), atol(word[4]),
			     count > 5 ? atoi(word[5]) : 20000);
	fprintf(stderr, "guest: see the head of tests/system/guest.c\n");
	return 2;
}
