/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Documents for tests of the document: read from text, written to text, a complete one.
 */
#ifndef SLUICE_TESTS_DOCUMENT_H
#define SLUICE_TESTS_DOCUMENT_H

#include "loader/sluice.h"

/* A document that uses every key this version reads, none with its default. */
extern const char document_full[];

/* Reads text, which must be right; the test fails with the reader's sentence when it is not. */
struct sluice_config *document_read(const char *text);
/* Writes it; the caller frees the text. */
char *document_text(const struct sluice_config *config);

#endif
