/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as requests, a line each; the first byte says whether the peer may change things.
 * Whatever is asked ends, and what is answered is rows of printable text.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/request.h"
#include "fake.h"
#include "tests/fuzz/fuzz.h"

#define FLOWS	  700
#define STEPS_MAX 1000

static void check_rows(const struct jw *out)
{
	bool begins = true;

	for (size_t i = 0; i < out->len; i++) {
		unsigned char c = (unsigned char)out->data[i];

		if (c < 0x20 && c != '\n')
			abort();
		if (begins && c != '{')
			abort();
		begins = c == '\n';
	}
	if (!begins)
		abort();
}

static void check_why(const struct request *r)
{
	if (!r->why[0])
		abort();
	for (const char *c = r->why; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			abort();
}

static void ask(const struct fake *fake, bool may_change, const char *line, size_t len)
{
	struct request r = {.ops = &fake->ops, .may_change = may_change};
	enum step step = STEP_FAILED;

	if (request_begin(&r, line, len) == 0) {
		int steps = 0;

		do {
			r.stop = steps > 2;
			step = request_step(&r);
			check_rows(&r.out);
			jw_clear(&r.out);
			if (++steps > STEPS_MAX)
				abort();
		} while (step == STEP_MORE || step == STEP_WAIT);
	}
	if (step == STEP_FAILED)
		check_why(&r);
	request_end(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fake fake;
	const char *text = (const char *)data + 1, *end = (const char *)data + size;

	if (size == 0)
		return 0;
	fake_init(&fake, 2, FLOWS);
	fake_event(&fake, 1, FAKE_BASE_TIME, GUARD_EVENT_ATTACK_BEGAN, "70 half-open");
	while (text < end) {
		const char *nl = memchr(text, '\n', end - text);
		size_t len = (nl ? nl : end) - text;

		ask(&fake, data[0] & 1, text, len);
		text += len + 1;
	}
	return 0;
}
