/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes vmlinux.h: the kernel types named on the command line, and what they need, from the
 * kernel's BTF. Only those, so that no name of ours can clash with one of the kernel's
 * hundred thousand.
 *
 *   generate BTF TYPE ... > vmlinux.h      BTF: /sys/kernel/btf/vmlinux, or a vmlinux with .BTF
 *
 * A type that is named NAME: is an anonymous enum, found by one of its enumerators.
 */
#include <bpf/btf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void print(void *context, const char *format, va_list arguments)
{
	(void)context;
	vprintf(format, arguments);
}

static int find_by_enumerator(const struct btf *btf, const char *name, size_t length)
{
	for (__u32 id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		const struct btf_enum *value = btf_enum(type);

		if (!btf_is_enum(type))
			continue;
		for (int i = 0; i < btf_vlen(type); i++) {
			const char *found = btf__name_by_offset(btf, value[i].name_off);

			if (strlen(found) == length && !memcmp(found, name, length))
				return (int)id;
		}
	}
	return -1;
}

static int find_type(const struct btf *btf, const char *name)
{
	size_t length = strlen(name);

	if (name[length - 1] == ':')
		return find_by_enumerator(btf, name, length - 1);
	return btf__find_by_name(btf, name);
}

int main(int argc, char **argv)
{
	struct btf_dump *dump;
	struct btf *btf;

	if (argc < 3) {
		fprintf(stderr, "usage: %s BTF TYPE ...\n", argv[0]);
		return 1;
	}
	btf = btf__parse(argv[1], NULL);
	if (!btf) {
		fprintf(stderr,
			"%s: no kernel BTF there: run a kernel with CONFIG_DEBUG_INFO_BTF=y (Debian's"
			" are), or build with VMLINUX_BTF=a vmlinux that has it\n", argv[1]);
		return 1;
	}
	dump = btf_dump__new(btf, print, NULL, NULL);
	if (!dump) {
		perror("btf_dump__new");
		return 1;
	}
	puts("#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n\n"
	     "#pragma clang attribute push(__attribute__((preserve_access_index)),"
	     " apply_to = record)");
	for (int i = 2; i < argc; i++) {
		int id = find_type(btf, argv[i]);

		if (id < 0 || btf_dump__dump_type(dump, (__u32)id)) {
			fprintf(stderr, "%s: the kernel's BTF has no type %s\n", argv[1], argv[i]);
			return 1;
		}
	}
	puts("#pragma clang attribute pop\n\n#endif");
	btf_dump__free(dump);
	btf__free(btf);
	return 0;
}
