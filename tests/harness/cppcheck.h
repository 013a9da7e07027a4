/* SPDX-License-Identifier: BSD-2-Clause */
/* The macros of libraries that look like no C to cppcheck, which reads none of the libraries' headers. */
#define LIBBPF_OPTS(type, name, ...)         struct type name = { __VA_ARGS__ }
#define DECLARE_LIBXDP_OPTS(type, name, ...) struct type name = { __VA_ARGS__ }

#define bpf_object__for_each_program(program, object) while ((program = next(object, program)))
#define json_array_foreach(array, index, value)       for (; (value = next(array, index)); index++)
#define json_object_foreach(object, key, value)       for (; (value = next(object, key));)
