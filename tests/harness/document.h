/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Documents for tests of the document: read from text, written to text, a complete one.
 */
#ifndef SLUICE_TESTS_DOCUMENT_H
#define SLUICE_TESTS_DOCUMENT_H

#include <stdint.h>

#include "loader/sluice.h"

/* A document that uses every key this version reads, none with its default. */
extern const char document_full[];

/* Reads text, which must be right; the test fails with the reader's sentence when it is not. */
struct sluice_config *document_read(const char *text);
/* Writes it; the caller frees the text. */
char *document_text(const struct sluice_config *config);
/* document_full with a few random things done to it: lines dropped, doubled and moved, words
 * exchanged, bytes changed. The same seed gives the same text. The caller frees it. */
char *document_bent(uint64_t seed, size_t *length);
/* Whatever text is: reads it and ends as a document, which written and read again is the same, or as a
 * refusal with a place. NULL: it did; else what went wrong. */
const char *document_check(const char *text, size_t length);

#endif
