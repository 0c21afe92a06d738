/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jw: a writer of JSON rows into a growing buffer. It only writes, knows no documents, and costs a few
 * nanoseconds a value, because a dump of a million flows goes through it.
 *
 * Rows, nested objects and arrays are opened and closed by the caller; commas come by themselves.
 * Strings may hold any bytes: what is not UTF-8 becomes U+FFFD.
 */
#ifndef TCPGUARD_CTL_JSON_H
#define TCPGUARD_CTL_JSON_H

#include "base/types.h"

struct jw {
	char *data; /* not zero-terminated */
	size_t len, cap;
	bool comma; /* the next value needs one before it */
	bool failed; /* out of memory: what follows is not written */
};

/* jw_free() - give the buffer back; @j may be used again. */
void jw_free(struct jw *j);

/* jw_clear() - forget what was written, keep the buffer. */
void jw_clear(struct jw *j);

/* One row: an object and its line feed. */
void jw_row_begin(struct jw *j);
void jw_row_end(struct jw *j);

/* jw_raw() - bytes as they are, for the lines that are not JSON. */
void jw_raw(struct jw *j, const char *text, size_t len);

/* Members. @key: a literal that needs no escapes; NULL for an item of an array. */
void jw_str(struct jw *j, const char *key, const char *value); /* NULL: null */
void jw_u64(struct jw *j, const char *key, uint64_t value);
void jw_i64(struct jw *j, const char *key, int64_t value);
void jw_bool(struct jw *j, const char *key, bool value);
void jw_null(struct jw *j, const char *key);
void jw_array_begin(struct jw *j, const char *key);
void jw_array_end(struct jw *j);
void jw_object_begin(struct jw *j, const char *key);
void jw_object_end(struct jw *j);

#endif
