/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "daemon/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
#define SD_JOURNAL_SUPPRESS_LOCATION /* where in this file is nobody's business */
#include <systemd/sd-journal.h>
#endif

#define TEXT_MAX 1024

static struct {
	int level;
	bool journal; /* speak the journal's own protocol */
	bool prefixes; /* standard error is read by a service manager: "<4>text" */
} log_state = {.level = LOG_NOTICE};

/* stderr_is_journal() - systemd tells device and inode of the stream it gave us. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_open(enum log_target target, int level)
{
	log_state.level = level;
	log_state.prefixes = stderr_is_journal();
	log_state.journal =
		target == LOG_TARGET_JOURNAL || (target == LOG_TARGET_AUTO && log_state.prefixes);
#ifndef HAVE_SYSTEMD
	log_state.journal = false;
#endif
}

void log_set_level(int level)
{
	log_state.level = level;
}

static void write_stderr(int level, const char *text)
{
	static const char *const names[] = {"emergency", "alert",  "critical", "error",
					    "warning",	 "notice", "info",     "debug"};

	if (log_state.prefixes)
		fprintf(stderr, "<%d>%s\n", level, text);
	else
		fprintf(stderr, "tcpguardd: %s: %s\n", names[level & 7], text);
}

#ifdef HAVE_SYSTEMD
#define FIELDS_MAX 12

/* The fields of one message: what journald takes, and the bytes behind it. */
struct message {
	int n;
	size_t used;
	struct iovec iov[FIELDS_MAX];
	char bytes[2 * TEXT_MAX];
};

/* put() - "NAME=value"; a value that does not fit is cut. */
static void __attribute__((format(printf, 3, 4)))
put(struct message *m, const char *name, const char *format, ...)
{
	char *at = m->bytes + m->used;
	size_t room = sizeof(m->bytes) - m->used, len;
	va_list args;
	int n;

	len = (size_t)snprintf(at, room, "%s=", name);
	if (m->n == FIELDS_MAX || len >= room)
		return;
	va_start(args, format);
	n = vsnprintf(at + len, room - len, format, args);
	va_end(args);
	len += n < 0 ? 0 : (size_t)n;
	if (len >= room)
		len = room - 1;
	m->iov[m->n++] = (struct iovec){at, len};
	m->used += len;
}

static void put_text(struct message *m, const char *name, const char *value)
{
	if (value && *value)
		put(m, name, "%s", value);
}

static void put_number(struct message *m, const char *name, uint64_t value)
{
	if (value)
		put(m, name, "%" PRIu64, value);
}

static bool write_journal(int level, const struct log_fields *f, const char *text)
{
	struct message m = {0};

	put(&m, "PRIORITY", "%d", level);
	put(&m, "SYSLOG_IDENTIFIER", "tcpguardd");
	put(&m, "MESSAGE", "%s", text);
	if (f) {
		put_text(&m, "TCPGUARD_EVENT", f->event);
		put_text(&m, "TCPGUARD_SERVICE", f->service);
		put_text(&m, "TCPGUARD_ADDRESS", f->address);
		put_number(&m, "TCPGUARD_ATTACK", f->attack);
		put_number(&m, "TCPGUARD_VALUE", f->value);
		if (f->of_worker)
			put(&m, "TCPGUARD_WORKER", "%" PRIu32, f->worker);
		put_text(&m, "TCPGUARD_DETAIL", f->detail);
	}
	return sd_journal_sendv(m.iov, m.n) == 0;
}
#else
static bool write_journal(int level, const struct log_fields *f, const char *text)
{
	return false;
}
#endif

static void write_text(int level, const struct log_fields *f, const char *format, va_list args)
{
	char text[TEXT_MAX];

	vsnprintf(text, sizeof(text), format, args);
	if (!log_state.journal || !write_journal(level, f, text))
		write_stderr(level, text);
}

void log_message(int level, const char *format, ...)
{
	va_list args;

	if (level > log_state.level)
		return;
	va_start(args, format);
	write_text(level, NULL, format, args);
	va_end(args);
}

void log_event(int level, const struct log_fields *fields, const char *format, ...)
{
	va_list args;

	if (level > log_state.level)
		return;
	va_start(args, format);
	write_text(level, fields, format, args);
	va_end(args);
}

uint64_t log_limit_flush(struct log_limit *l, usec_t now)
{
	uint64_t swallowed = l->swallowed;

	if (now - l->since < LOG_INTERVAL)
		return 0;
	l->swallowed = 0;
	return swallowed;
}

bool log_limit_pass(struct log_limit *l, usec_t now, uint64_t *swallowed)
{
	*swallowed = 0;
	if (now - l->since >= LOG_INTERVAL) {
		*swallowed = l->swallowed;
		*l = (struct log_limit){.since = now};
	}
	if (l->passed >= LOG_BURST) {
		l->swallowed++;
		return false;
	}
	l->passed++;
	return true;
}
