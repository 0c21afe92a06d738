/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tcpguardctl/top_feed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/protocol.h"
#include "tcpguardctl/text.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define CONNECT_WAIT_S 1
#define ANSWER_WAIT_MS 5000
#define RETRY_MS       1000

/* The requests of one round. Only what is not optional must be known to the daemon. */
static const struct {
	int n;
	const char *word[3];
	void (*row)(struct top_model *m, const json_t *row);
	bool optional;
} asked[] = {
	{1, {"status"}, top_model_status, false},
	{1, {"stats"}, top_model_service, false},
	{3, {"attacks", "--last", "32"}, top_model_attack, true},
	{2, {"events", "64"}, top_model_event, true},
};

void top_feed_init(struct top_feed *f, const char *path, uint64_t interval_ms)
{
	memset(f, 0, sizeof(*f));
	f->path = path;
	f->interval_ms = interval_ms;
	f->link.fd = -1;
}

void top_feed_close(struct top_feed *f)
{
	if (f->open)
		link_close(&f->link);
	f->open = false;
	f->awaited = 0;
}

/* give_up() - close, and connect again after a while. */
static void __attribute__((format(printf, 3, 4)))
give_up(struct top_feed *f, uint64_t now_ms, const char *format, ...)
{
	char text[sizeof(f->trouble)];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	text_clean(f->trouble, sizeof(f->trouble), text);
	top_feed_close(f);
	f->next_ms = now_ms + (f->interval_ms > RETRY_MS ? f->interval_ms : RETRY_MS);
}

static bool connect_to(struct top_feed *f, uint64_t now_ms)
{
	int error = link_open(&f->link, f->path, CONNECT_WAIT_S);

	f->open = true; /* what link_open() left has to be closed in any case */
	if (!error && fcntl(f->link.fd, F_SETFL, O_NONBLOCK))
		error = -errno;
	if (!error)
		return true;
	give_up(f, now_ms, "cannot reach tcpguardd on %s: %s", f->path,
		error == -EAGAIN ? "it takes no connection" : strerror(-error));
	return false;
}

static void ask(struct top_feed *f, uint64_t now_ms)
{
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
		link_send(&f->link, asked[i].n, (char *const *)asked[i].word); /* reads only */
	f->awaited = ARRAY_SIZE(asked);
	f->asked_ms = now_ms;
	f->next_ms = now_ms + f->interval_ms;
}

/* take() - one line of the reply that is under way. Return: false if the connection is of no use. */
static bool take(struct top_feed *f, struct top_model *m, const char *line, size_t len,
		 uint64_t now_ms)
{
	size_t at = ARRAY_SIZE(asked) - (size_t)f->awaited;
	json_t *row;

	if (strcmp(line, CTL_REPLY_OK) == 0) {
		f->awaited--;
		return true;
	}
	if (strncmp(line, CTL_REPLY_ERROR, strlen(CTL_REPLY_ERROR)) == 0) {
		f->awaited--;
		if (asked[at].optional)
			return true;
		give_up(f, now_ms, "tcpguardd says: %s", line + strlen(CTL_REPLY_ERROR));
		return false;
	}
	row = json_loadb(line, len, 0, NULL);
	if (!json_is_object(row)) {
		json_decref(row);
		give_up(f, now_ms, "what answers there is no tcpguardd; check --socket");
		return false;
	}
	asked[at].row(m, row);
	json_decref(row);
	return true;
}

/* receive() - what is there of the replies. Return: something to show? */
static bool receive(struct top_feed *f, struct top_model *m, uint64_t now_ms)
{
	while (f->awaited > 0) {
		char *line = NULL;
		long len = link_line(&f->link, &line);

		if (len == -EAGAIN)
			break;
		if (!line) {
			give_up(f, now_ms, "tcpguardd hung up%s%s; it is tried again",
				len ? ": " : "", len ? strerror((int)-len) : "");
			return true;
		}
		if (!take(f, m, line, (size_t)len, now_ms))
			return true;
	}
	if (f->awaited == 0) {
		top_model_end(m);
		f->trouble[0] = '\0';
		f->answered_ms = now_ms;
		return true;
	}
	if (now_ms - f->asked_ms < ANSWER_WAIT_MS)
		return false;
	give_up(f, now_ms, "tcpguardd has not answered for %d s; it is tried again",
		ANSWER_WAIT_MS / 1000);
	return true;
}

bool top_feed_step(struct top_feed *f, struct top_model *m, uint64_t now_ms)
{
	if (f->awaited > 0)
		return receive(f, m, now_ms);
	if (now_ms < f->next_ms)
		return false;
	if (!f->open && !connect_to(f, now_ms))
		return true;
	ask(f, now_ms);
	return false;
}

int top_feed_fd(const struct top_feed *f)
{
	return f->awaited > 0 ? f->link.fd : -1;
}

uint64_t top_feed_deadline(const struct top_feed *f)
{
	return f->awaited > 0 ? f->asked_ms + ANSWER_WAIT_MS : f->next_ms;
}
