/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attacks: those that are remembered, the oldest first. Their numbers only grow, so the place where a
 * step stops is a number, whatever comes or is forgotten before the next step.
 */
#include "ctl/commands.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_A_STEP 64

struct attacks {
	bool begun;
	char service[GUARD_SERVICE_NAME_MAX]; /* empty: all */
	uint64_t last; /* so many of the newest; 0: all */
	uint64_t one; /* only the one with this number; 0: not only one */
	uint64_t after;
};

const size_t ctl_attacks_state_bytes = sizeof(struct attacks);

/* number() - Return: 0 if @text is none. */
static uint64_t number(const char *text)
{
	size_t n = strspn(text, "0123456789");

	return n > 0 && n < 19 && text[n] == '\0' ? strtoull(text, NULL, 10) : 0;
}

static uint64_t row(struct request *r, const struct attacks *a, uint64_t after, struct jw *out)
{
	return r->ops->attack_row(r->ops->ctx, after, a->service[0] ? a->service : NULL, out);
}

/* take_service() - one that is configured, or one that was when it was attacked. */
static enum step take_service(struct request *r, struct attacks *a, const char *name)
{
	const struct guard_config *config = r->ops->config(r->ops->ctx);
	int index;

	if (a->service[0] || a->one)
		return request_fail(r, "usage: attacks %s", r->command->args);
	index = request_service(r, name);
	if (index >= 0)
		name = config->service[index].name;
	else if (!r->ops->attack_row(r->ops->ctx, 0, name, NULL))
		return STEP_FAILED;
	strncpy(a->service, name, sizeof(a->service) - 1);
	return STEP_MORE;
}

/* option() - the value of "--name VALUE" or "--name=VALUE" at word *@i, which is stepped over; or NULL. */
static const char *option(const struct request *r, int *i, const char *name)
{
	const char *word = request_arg(r, *i);
	size_t n = strlen(name);

	if (strncmp(word, name, n) != 0)
		return NULL;
	if (word[n] == '=')
		return word + n + 1;
	return word[n] == '\0' && request_arg(r, *i + 1) ? request_arg(r, ++*i) : NULL;
}

static enum step parse(struct request *r, struct attacks *a)
{
	for (int i = 0; i < request_n_args(r); i++) {
		const char *word = request_arg(r, i), *value;

		if ((value = option(r, &i, "--service"))) {
			if (take_service(r, a, value) == STEP_FAILED)
				return STEP_FAILED;
		} else if ((value = option(r, &i, "--last"))) {
			a->last = number(value);
			if (!a->last)
				return request_fail(r, "\"%.64s\" is no number of attacks", value);
		} else if (word[0] == '-') {
			return request_fail(r, "usage: attacks %s", r->command->args);
		} else if (number(word)) {
			if (a->one || a->service[0])
				return request_fail(r, "usage: attacks %s", r->command->args);
			a->one = number(word);
		} else if (take_service(r, a, word) == STEP_FAILED) {
			return STEP_FAILED;
		}
	}
	return STEP_MORE;
}

/* skip() - all but the last so many. */
static void skip(struct request *r, struct attacks *a)
{
	uint64_t n = 0, at = 0;

	while ((at = row(r, a, at, NULL)))
		n++;
	for (; n > a->last; n--)
		a->after = row(r, a, a->after, NULL);
}

static enum step show_one(struct request *r, const struct attacks *a)
{
	if (row(r, a, a->one - 1, NULL) != a->one)
		return request_fail(r,
				    "attack %llu is not remembered; `attacks` lists those that are",
				    (unsigned long long)a->one);
	row(r, a, a->one - 1, &r->out);
	return STEP_DONE;
}

enum step ctl_attacks(struct request *r)
{
	struct attacks *a = r->state;

	if (!a->begun) {
		if (parse(r, a) == STEP_FAILED)
			return STEP_FAILED;
		a->begun = true;
		if (a->last)
			skip(r, a);
	}
	if (a->one)
		return show_one(r, a);
	for (int i = 0; i < ROWS_A_STEP; i++) {
		uint64_t n = row(r, a, a->after, &r->out);

		if (!n)
			return STEP_DONE;
		a->after = n;
	}
	return STEP_MORE;
}
