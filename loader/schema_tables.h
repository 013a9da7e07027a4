/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a line of the tables of keys says where its value is kept.
 */
#ifndef SLUICE_LOADER_SCHEMA_TABLES_H
#define SLUICE_LOADER_SCHEMA_TABLES_H

#include "loader/schema.h"

/* A field's last column: how its value is kept. */
#define VALUE(kind, ...)                      \
	.value = &(const struct schema_value) \
	{                                     \
		kind, __VA_ARGS__             \
	}
#define AT(structure, member) .offset = offsetof(struct structure, member)
#define LIST(structure, items, number) \
	.offset = offsetof(struct structure, items), .count = offsetof(struct structure, number)

/* schema_nat.c */
extern const struct sluice_field nat_fields[];
extern const struct sluice_field lb_fields[];

#endif
