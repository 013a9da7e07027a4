/* SPDX-License-Identifier: BSD-2-Clause */
/* Two messages: the family's number is asked for first; see generic_netlink.h. */
#include "loader/generic_netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdint.h>
#include <string.h>

/* Where an answer's attribute of a type goes. */
struct wanted {
	uint16_t type;
	uint16_t size; /* 2 or 8 */
	uint64_t value;
	int found;
};

static int keep_attribute(const struct nlattr *attribute, void *context)
{
	struct wanted *wanted = context;

	if (mnl_attr_get_type(attribute) != wanted->type ||
	    mnl_attr_get_payload_len(attribute) < wanted->size)
		return MNL_CB_OK;
	wanted->found = 1;
	wanted->value =
		wanted->size == 2 ? mnl_attr_get_u16(attribute) : mnl_attr_get_u64(attribute);
	return MNL_CB_STOP;
}

static int keep_answer(const struct nlmsghdr *message, void *context)
{
	mnl_attr_parse(message, sizeof(struct genlmsghdr), keep_attribute, context);
	return MNL_CB_OK;
}

/* Sends the message and reads its answer and the acknowledgment. */
static int ask(struct mnl_socket *socket, struct nlmsghdr *message, struct wanted *wanted)
{
	char answer[8192];
	ssize_t length;
	int more = 1;

	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	message->nlmsg_seq = 1;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -errno;
	while (more > 0) {
		length = mnl_socket_recvfrom(socket, answer, sizeof(answer));
		if (length < 0)
			return -errno;
		more = mnl_cb_run(answer, length, 1, mnl_socket_get_portid(socket), keep_answer,
				  wanted);
	}
	return more < 0 ? -errno : wanted->found ? 0 : -ENOENT;
}

static struct nlmsghdr *generic(char *buffer, uint16_t family, uint8_t command, uint8_t version)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	message->nlmsg_type = family;
	header->cmd = command;
	header->version = version;
	return message;
}

int generic_ask(const struct generic_question *question, uint64_t *value)
{
	struct wanted family = { .type = CTRL_ATTR_FAMILY_ID, .size = sizeof(uint16_t) };
	struct wanted answer = { .type = question->attribute, .size = question->size };
	struct mnl_socket *socket = mnl_socket_open(NETLINK_GENERIC);
	struct nlmsghdr *message;
	char buffer[1024];
	int failure;

	if (!socket)
		return -errno;
	failure = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ? -errno : 0;
	if (!failure) {
		message = generic(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
		mnl_attr_put_strz(message, CTRL_ATTR_FAMILY_NAME, question->family);
		failure = ask(socket, message, &family);
		if (failure == -ENOENT)
			failure = -ENOTSUP;
	}
	if (!failure) {
		message = generic(buffer, (uint16_t)family.value, question->command, 1);
		question->put(message, question->context);
		failure = ask(socket, message, &answer);
	}
	mnl_socket_close(socket);
	if (!failure)
		*value = answer.value;
	return failure;
}
