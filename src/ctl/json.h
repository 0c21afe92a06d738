/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A writer of JSON rows into a growing buffer. It only writes, knows no documents, and costs a few
 * nanoseconds a value, because a dump of a million flows goes through it.
 *
 * Rows, nested objects and arrays are opened and closed by the caller; commas come by themselves.
 * Strings may hold any bytes: what is not UTF-8 becomes U+FFFD.
 */
#ifndef TCPGUARD_CTL_JSON_H
#define TCPGUARD_CTL_JSON_H

#include "base/types.h"

struct json {
	char *data; /* not zero-terminated */
	size_t len, cap;
	bool comma; /* the next value needs one before it */
	bool failed; /* out of memory: what follows is not written */
};

/* json_free() - give the buffer back; @j may be used again. */
void json_free(struct json *j);

/* json_clear() - forget what was written, keep the buffer. */
void json_clear(struct json *j);

/* One row: an object and its line feed. */
void json_row_begin(struct json *j);
void json_row_end(struct json *j);

/* json_raw() - bytes as they are, for the lines that are not JSON. */
void json_raw(struct json *j, const char *text, size_t len);

/* Members. @key: a literal that needs no escapes; NULL for an item of an array. */
void json_str(struct json *j, const char *key, const char *value); /* NULL: null */
void json_u64(struct json *j, const char *key, uint64_t value);
void json_i64(struct json *j, const char *key, int64_t value);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);
void json_array_begin(struct json *j, const char *key);
void json_array_end(struct json *j);
void json_object_begin(struct json *j, const char *key);
void json_object_end(struct json *j);

#endif
