// SPDX-License-Identifier: BSD-2-Clause
/*
 * The error object.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "loader/sluice.h"

int sluice_error_set(struct sluice_error *error, int code, const char *format, ...)
{
	va_list arguments;

	if (!error)
		return code;
	memset(error, 0, sizeof(*error));
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	/* Messages quote what was typed or read: whatever that was, they stay one line that no
	 * terminal obeys and that JSON can hold. */
	for (char *c = error->message; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	return code;
}
