/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "daemon/log.h"

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
static struct iovec field(char *buf, size_t len, const char *name, const char *value)
{
	int n = snprintf(buf, len, "%s=%s", name, value ? value : "");

	return (struct iovec){buf, (size_t)n < len ? (size_t)n : len - 1};
}

static bool write_journal(int level, const struct log_fields *f, const char *text)
{
	char message[TEXT_MAX + 16], priority[16], event[64], service[64], address[80], worker[32];
	struct iovec iov[7];
	int n = 0;

	iov[n++] = field(message, sizeof(message), "MESSAGE", text);
	snprintf(priority, sizeof(priority), "PRIORITY=%d", level);
	iov[n++] = (struct iovec){priority, strlen(priority)};
	iov[n++] = (struct iovec){(void *)"SYSLOG_IDENTIFIER=tcpguardd", 27};
	if (f && f->event)
		iov[n++] = field(event, sizeof(event), "TCPGUARD_EVENT", f->event);
	if (f && f->service && f->service[0])
		iov[n++] = field(service, sizeof(service), "TCPGUARD_SERVICE", f->service);
	if (f && f->address && f->address[0])
		iov[n++] = field(address, sizeof(address), "TCPGUARD_ADDRESS", f->address);
	if (f) {
		snprintf(worker, sizeof(worker), "TCPGUARD_WORKER=%u", f->worker);
		iov[n++] = (struct iovec){worker, strlen(worker)};
	}
	return sd_journal_sendv(iov, n) == 0;
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
