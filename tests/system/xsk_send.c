/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xsk_send SWITCH PORT QUEUE: sends each line of its input, a frame in hex, through an AF_XDP socket
 * of the port, and ends. Whatever a guest in user space may try, it can send.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/sluice_xsk.h"

static unsigned int read_hex(const char *text, unsigned char *bytes, size_t size)
{
	unsigned int length = 0, byte;

	while (length < size && sscanf(text + 2 * length, "%2x", &byte) == 1)
		bytes[length++] = (unsigned char)byte;
	return length;
}

int main(int count, char **arguments)
{
	struct sluice_options options = { .name = count > 1 ? arguments[1] : NULL };
	char line[2 * SLUICE_XSK_FRAME + 2];
	struct sluice_error error = {};
	struct sluice_xsk_frame frame;
	struct sluice_xsk *xsk;
	struct sluice *sw;

	if (count != 4) {
		fprintf(stderr, "usage: xsk_send SWITCH PORT QUEUE <FRAMES\n");
		return 1;
	}
	if (sluice_open(&options, &sw, &error) ||
	    sluice_xsk_open(sw, arguments[2], (unsigned int)atoi(arguments[3]), NULL, &xsk,
			    &error)) {
		fprintf(stderr, "xsk_send: %s\n", error.message);
		return 2;
	}
	sluice_close(sw);
	while (fgets(line, sizeof(line), stdin)) {
		if (sluice_xsk_allocate(xsk, &frame, 1) != 1)
			return 3;
		frame.length = read_hex(line, frame.bytes, SLUICE_XSK_FRAME);
		if (sluice_xsk_send(xsk, &frame, 1) != 1 || sluice_xsk_flush(xsk))
			return 3;
	}
	sluice_xsk_close(xsk);
	return 0;
}
