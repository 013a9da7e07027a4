/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An example of a network function in user space, made of libsluice alone: it reads every queue of
 * an AF_XDP port and counts what comes.
 *
 *   xsk_forward [--switch NAME] PORT          sends each frame back to where it came from
 *   xsk_forward [--switch NAME] PORT OTHER    sends each frame on as OTHER, an AF_XDP port too
 *
 * It says "ready", with how frames get here, and when it is told to end (SIGTERM) one line of JSON
 * with its counts. What it sends is policed by the switch like anybody's: to send addresses that are
 * not its port's, the port needs guards.spoofing: allow.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "loader/sluice_xsk.h"

#define BATCH 64

/* One port and the sockets of its queues. */
struct side {
	const char *port;
	unsigned char mac[6];
	struct sluice_xsk *queue[SLUICE_XSK_QUEUES];
	unsigned int queues;
};

static struct counts {
	unsigned long long received, sent, ipv4, ipv6, other;
} counts;

static volatile sig_atomic_t ended;

static void end(int signal_number)
{
	(void)signal_number;
	ended = 1;
}

static int complain(const char *what, const struct sluice_error *error)
{
	fprintf(stderr, "xsk_forward: %s: %s\n", what, error->message);
	return 1;
}

/* --- frames -------------------------------------------------------------------------------- */

static void swap(unsigned char *a, unsigned char *b, size_t size)
{
	unsigned char kept[16];

	memcpy(kept, a, size);
	memcpy(a, b, size);
	memcpy(b, kept, size);
}

/* An echo request becomes its reply: only the type differs, from 8 to 0 or from 128 to 129. */
static void answer_echo(unsigned char *icmp, unsigned char request, unsigned char reply)
{
	unsigned int sum;

	if (icmp[0] != request)
		return;
	icmp[0] = reply;
	/* RFC 1624: the checksum loses what the type lost. */
	sum = (unsigned int)(icmp[2] << 8 | icmp[3]) + (unsigned int)(request << 8) +
	      (0xffff & ~(unsigned int)(reply << 8));
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	icmp[2] = (unsigned char)(sum >> 8);
	icmp[3] = (unsigned char)sum;
}

/* Turns a frame round: what it was from, it is to. Sums stay what they are under swapping. */
static void turn_round(unsigned char *frame, unsigned int length)
{
	unsigned char *ip = frame + 14, *l4;
	unsigned char protocol;

	swap(frame, frame + 6, 6);
	if (frame[12] == 0x08 && frame[13] == 0x00 && length >= 42) {
		swap(ip + 12, ip + 16, 4);
		protocol = ip[9];
		l4 = ip + (ip[0] & 15) * 4;
	} else if (frame[12] == 0x86 && frame[13] == 0xdd && length >= 62) {
		swap(ip + 8, ip + 24, 16);
		protocol = ip[6];
		l4 = ip + 40;
	} else {
		return;
	}
	if (l4 + 8 > frame + length)
		return;
	if (protocol == IPPROTO_UDP || protocol == IPPROTO_TCP)
		swap(l4, l4 + 2, 2);
	else if (protocol == IPPROTO_ICMP)
		answer_echo(l4, 8, 0);
	else if (protocol == IPPROTO_ICMPV6)
		answer_echo(l4, 128, 129);
}

static void count(const struct sluice_xsk_frame *frame)
{
	counts.received++;
	if (frame->length > 14 && frame->bytes[12] == 0x08 && frame->bytes[13] == 0x00)
		counts.ipv4++;
	else if (frame->length > 14 && frame->bytes[12] == 0x86 && frame->bytes[13] == 0xdd)
		counts.ipv6++;
	else
		counts.other++;
}

/* --- forwarding ---------------------------------------------------------------------------- */

/* Back through the socket it came from: the frame itself is sent, nothing is copied. */
static void send_back(struct sluice_xsk *xsk, struct sluice_xsk_frame *frames, size_t got)
{
	size_t sent;

	for (size_t i = 0; i < got; i++)
		turn_round(frames[i].bytes, frames[i].length);
	sent = sluice_xsk_send(xsk, frames, got);
	sluice_xsk_release(xsk, frames + sent, got - sent);
	counts.sent += sent;
}

/* Through another socket, whose memory is another: copied into frames of its own. */
static void send_on(struct sluice_xsk *from, const struct side *to, struct sluice_xsk *out,
		    struct sluice_xsk_frame *frames, size_t got)
{
	struct sluice_xsk_frame copies[BATCH];
	size_t room = sluice_xsk_allocate(out, copies, got), sent;

	for (size_t i = 0; i < room; i++) {
		memcpy(copies[i].bytes, frames[i].bytes, frames[i].length);
		copies[i].length = frames[i].length;
		/* The switch sent it, so that its MAC is where the next one goes. */
		memcpy(copies[i].bytes, frames[i].bytes + 6, 6);
		memcpy(copies[i].bytes + 6, to->mac, 6);
	}
	sent = sluice_xsk_send(out, copies, room);
	sluice_xsk_release(out, copies + sent, room - sent);
	sluice_xsk_release(from, frames, got);
	counts.sent += sent;
}

static void serve(struct side *side, unsigned int queue, struct side *other)
{
	struct sluice_xsk_frame frames[BATCH];
	struct sluice_xsk *xsk = side->queue[queue];
	struct sluice_xsk *out = other ? other->queue[queue % other->queues] : xsk;
	size_t got = sluice_xsk_receive(xsk, frames, BATCH);

	for (size_t i = 0; i < got; i++)
		count(&frames[i]);
	if (!got)
		return;
	if (other)
		send_on(xsk, other, out, frames, got);
	else
		send_back(xsk, frames, got);
	sluice_xsk_flush(out);
}

static int run(struct side *sides, size_t side_count)
{
	struct pollfd ready[2 * SLUICE_XSK_QUEUES];
	struct {
		struct side *side, *other;
		unsigned int queue;
	} who[2 * SLUICE_XSK_QUEUES];
	nfds_t open = 0;

	for (size_t i = 0; i < side_count; i++)
		for (unsigned int queue = 0; queue < sides[i].queues; queue++, open++) {
			who[open].side = &sides[i];
			who[open].other = side_count > 1 ? &sides[1 - i] : NULL;
			who[open].queue = queue;
			ready[open] = (struct pollfd){ .fd = sluice_xsk_fd(sides[i].queue[queue]),
						       .events = POLLIN };
		}
	while (!ended) {
		if (poll(ready, open, -1) < 0 && errno != EINTR)
			return 1;
		for (nfds_t i = 0; i < open && !ended; i++)
			if (ready[i].revents)
				serve(who[i].side, who[i].queue, who[i].other);
	}
	printf("{\"received\":%llu,\"sent\":%llu,\"ipv4\":%llu,\"ipv6\":%llu,\"other\":%llu}\n",
	       counts.received, counts.sent, counts.ipv4, counts.ipv6, counts.other);
	return 0;
}

/* --- sockets ------------------------------------------------------------------------------- */

static int find_mac(struct sluice *sw, struct side *side, struct sluice_error *error)
{
	struct sluice_config *config;
	unsigned int version;
	int result = sluice_running(sw, &version, &config, error);

	if (result)
		return result;
	for (size_t i = 0; i < config->port_count; i++)
		if (!strcmp(config->ports[i].name, side->port))
			memcpy(side->mac, config->ports[i].mac, sizeof(side->mac));
	sluice_config_free(config);
	return 0;
}

static int open_side(struct sluice *sw, struct side *side)
{
	struct sluice_status *status;
	struct sluice_xsk_state state;
	struct sluice_error error;

	if (find_mac(sw, side, &error) || sluice_status_get(sw, &status, &error))
		return complain(side->port, &error);
	side->queues = 1;
	for (size_t i = 0; i < status->port_count; i++)
		if (!strcmp(status->ports[i].name, side->port) && status->ports[i].queues)
			side->queues = status->ports[i].queues;
	sluice_status_free(status);
	for (unsigned int queue = 0; queue < side->queues; queue++)
		if (sluice_xsk_open(sw, side->port, queue, NULL, &side->queue[queue], &error) ||
		    sluice_xsk_state_get(side->queue[queue], &state, &error))
			return complain(side->port, &error);
	printf("ready: %s, %u queues, %s, %s\n", side->port, side->queues,
	       state.zero_copy ? "zero-copy" : "copy",
	       state.need_wakeup ? "need-wakeup" : "always woken");
	fflush(stdout);
	return 0;
}

int main(int count_of_arguments, char **arguments)
{
	struct sluice_options options = {};
	struct side sides[2] = {};
	struct sluice_error error;
	struct sluice *sw;
	size_t count_of_sides = 0;
	int code = 0;

	for (int i = 1; i < count_of_arguments; i++) {
		if (!strcmp(arguments[i], "--switch") && i + 1 < count_of_arguments)
			options.name = arguments[++i];
		else if (count_of_sides < 2 && arguments[i][0] != '-')
			sides[count_of_sides++].port = arguments[i];
		else
			count_of_sides = 3;
	}
	if (!count_of_sides || count_of_sides > 2) {
		fprintf(stderr, "usage: xsk_forward [--switch NAME] PORT [OTHER]\n");
		return 1;
	}
	signal(SIGTERM, end);
	signal(SIGINT, end);
	if (sluice_open(&options, &sw, &error))
		return complain("the switch", &error);
	for (size_t i = 0; i < count_of_sides && !code; i++)
		code = open_side(sw, &sides[i]);
	sluice_close(sw);
	code = code ? code : run(sides, count_of_sides);
	for (size_t i = 0; i < count_of_sides; i++)
		for (unsigned int queue = 0; queue < sides[i].queues; queue++)
			sluice_xsk_close(sides[i].queue[queue]);
	return code;
}
