/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The form of the file; the daemon's part is in baselines_keep.c. */
#include "daemon/baselines.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/siphash.h"

#define FORMAT 1

/* check_of() - of all figures; against accidents, not against people who may write there. */
static uint64_t check_of(const struct guard_baseline *rows, uint32_t n)
{
	static const struct siphash_key key = {0x626173656c696e65, 0x7463706775617264};
	unsigned words = 0;
	struct siphash s;

	siphash_start(&s, &key);
	for (uint32_t i = 0; i < n; i++) {
		for (size_t k = 0; k < sizeof(rows->service); k++, words++)
			siphash_word(&s, (uint8_t)rows[i].service[k]);
		siphash_word(&s, rows[i].version);
		siphash_word(&s, rows[i].learned);
		for (size_t k = 0; k < BASELINE_FIGURES; k++, words++)
			siphash_word(&s, rows[i].figure[k]);
		words += 2;
	}
	return siphash_finish(&s, words);
}

void baselines_write(struct jw *j, const struct guard_baseline *rows, uint32_t n)
{
	char check[17];

	jw_row_begin(j);
	jw_u64(j, "format", FORMAT);
	jw_array_begin(j, "services");
	for (uint32_t i = 0; i < n; i++) {
		jw_object_begin(j, NULL);
		jw_str(j, "service", rows[i].service);
		jw_u64(j, "version", rows[i].version);
		jw_u64(j, "learned", rows[i].learned);
		jw_array_begin(j, "figures");
		for (size_t k = 0; k < BASELINE_FIGURES; k++)
			jw_u64(j, NULL, rows[i].figure[k]);
		jw_array_end(j);
		jw_object_end(j);
	}
	jw_array_end(j);
	snprintf(check, sizeof(check), "%016" PRIx64, check_of(rows, n));
	jw_str(j, "check", check);
	jw_row_end(j);
}

/* take_u32() - Return: is @value a number that fits? */
static bool take_u32(const json_t *value, uint32_t *to)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0 || n > UINT32_MAX)
		return false;
	*to = (uint32_t)n;
	return true;
}

static bool take_service(const json_t *row, struct guard_baseline *b)
{
	const char *name = json_string_value(json_object_get(row, "service"));
	const json_t *figures = json_object_get(row, "figures");

	memset(b, 0, sizeof(*b));
	if (!name || strlen(name) >= sizeof(b->service) ||
	    !take_u32(json_object_get(row, "version"), &b->version) ||
	    !take_u32(json_object_get(row, "learned"), &b->learned) ||
	    json_array_size(figures) != BASELINE_FIGURES)
		return false;
	memcpy(b->service, name, strlen(name));
	for (size_t k = 0; k < BASELINE_FIGURES; k++)
		if (!take_u32(json_array_get(figures, k), &b->figure[k]))
			return false;
	return true;
}

static int refuse(const char *what, char *why, size_t why_len)
{
	snprintf(why, why_len, "%s", what);
	return -EINVAL;
}

static int take_all(const json_t *root, struct guard_baseline *rows, char *why, size_t why_len)
{
	const json_t *services = json_object_get(root, "services");
	const char *check = json_string_value(json_object_get(root, "check"));
	size_t n = json_array_size(services);
	char wanted[17];

	if (json_integer_value(json_object_get(root, "format")) != FORMAT)
		return refuse("it is of another version", why, why_len);
	if (!json_is_array(services) || n > GUARD_SERVICES_MAX || !check)
		return refuse("parts of it are missing", why, why_len);
	for (size_t i = 0; i < n; i++)
		if (!take_service(json_array_get(services, i), &rows[i]))
			return refuse("a service in it makes no sense", why, why_len);
	snprintf(wanted, sizeof(wanted), "%016" PRIx64, check_of(rows, (uint32_t)n));
	if (strcmp(check, wanted) != 0)
		return refuse("its figures do not fit its check sum", why, why_len);
	return (int)n;
}

int baselines_read(const char *text, size_t len, struct guard_baseline *rows, char *why,
		   size_t why_len)
{
	json_error_t error;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	int n;

	if (!root) {
		snprintf(why, why_len, "it is no JSON (line %d: %.80s)", error.line, error.text);
		return -EINVAL;
	}
	n = take_all(root, rows, why, why_len);
	json_decref(root);
	return n;
}
