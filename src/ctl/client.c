/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection to the control socket.
 *
 * Theory of operation: client_run() does one thing and returns to the event loop: it takes a request
 * line or steps the request under way. It is called again by @tick when there is more to do at once
 * (or, for a follower, after a while), by on_read() when a request came in, and by on_write() when
 * the output had grown to its limit and has drained. So whoever does not read gets nothing more
 * made, and nobody waits for anybody else's dump longer than one step.
 */
#include "ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "ctl/request.h"

#define INPUT_MAX 4096 /* bytes of requests that wait; the rest waits in the peer's socket */

struct ctl_client {
	LIST_ENTRY(ctl_client) link;
	struct ctl_server *server;
	struct bufferevent *bev;
	struct event *tick; /* client_run() is to be called */
	struct event *idle; /* nothing was asked for too long */
	bool may_change;
	uint64_t asked; /* requests */
	int64_t active_ms; /* when it last asked, or something was made for it */
	bool eof; /* the peer will ask nothing more */
	bool closing; /* drop it when the output is out */
	bool busy; /* @request is under way */
	struct request request;
};

static struct timeval ms_to_timeval(uint32_t ms)
{
	return (struct timeval){ms / 1000, (long)(ms % 1000) * 1000};
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void run_again(struct ctl_client *c, uint32_t ms)
{
	struct timeval tv = ms_to_timeval(ms);

	evtimer_add(c->tick, &tv);
}

static size_t unsent_bytes(const struct ctl_client *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

void ctl_client_free(struct ctl_client *c)
{
	if (c->busy)
		request_end(&c->request);
	LIST_REMOVE(c, link);
	c->server->n_clients--;
	if (c->tick)
		event_free(c->tick);
	if (c->idle)
		event_free(c->idle);
	if (c->bev)
		bufferevent_free(c->bev);
	free(c);
}

/* close_when_sent() - take no more requests; drop the client as soon as it has its replies. */
static void close_when_sent(struct ctl_client *c)
{
	c->closing = true;
	bufferevent_disable(c->bev, EV_READ);
	bufferevent_setwatermark(c->bev, EV_WRITE, 0, 0);
	event_del(c->idle);
	if (unsent_bytes(c) == 0)
		run_again(c, 0);
}

static void send_text(struct ctl_client *c, const char *text)
{
	bufferevent_write(c->bev, text, strlen(text));
}

/* finish() - the last line of the reply. @why: NULL if all went well. */
static void finish(struct ctl_client *c, const char *why)
{
	if (why) {
		send_text(c, CTL_REPLY_ERROR);
		send_text(c, why);
		send_text(c, "\n");
	} else {
		send_text(c, CTL_REPLY_OK "\n");
	}
	c->busy = false;
	request_end(&c->request);
	run_again(c, 0);
}

static void step(struct ctl_client *c)
{
	struct request *r = &c->request;
	enum step result;

	c->active_ms = now_ms();
	r->stop = c->eof || evbuffer_get_length(bufferevent_get_input(c->bev)) > 0;
	result = request_step(r);
	if (r->out.len > 0)
		bufferevent_write(c->bev, r->out.data, r->out.len);
	jw_clear(&r->out);
	if (result == STEP_DONE)
		finish(c, NULL);
	else if (result == STEP_FAILED)
		finish(c, r->why);
	else
		run_again(c, result == STEP_WAIT ? c->server->limits.follow_ms : 0);
}

/* wait_for_request() - no whole line is there. */
static void wait_for_request(struct ctl_client *c)
{
	struct timeval tv = ms_to_timeval(c->server->limits.idle_ms);

	if (c->eof)
		close_when_sent(c);
	else if (!evtimer_pending(c->idle, NULL))
		evtimer_add(c->idle, &tv);
}

/* begin() - take a request line, if there is one, and begin with it. */
static void begin(struct ctl_client *c)
{
	struct evbuffer *input = bufferevent_get_input(c->bev);
	struct request *r = &c->request;
	size_t len;
	char *line = evbuffer_readln(input, &len, EVBUFFER_EOL_CRLF);

	if (!line && evbuffer_get_length(input) <= CTL_LINE_MAX) {
		wait_for_request(c);
		return;
	}
	event_del(c->idle);
	memset(r, 0, sizeof(*r));
	r->ops = c->server->ops;
	r->may_change = c->may_change;
	c->busy = true;
	c->asked++;
	c->active_ms = now_ms();
	if (!line || len > CTL_LINE_MAX) {
		snprintf(r->why, sizeof(r->why), "the request is longer than %d bytes; closing",
			 CTL_LINE_MAX);
		finish(c, r->why);
		close_when_sent(c);
	} else if (request_begin(r, line, len)) {
		finish(c, r->why);
	} else {
		step(c);
	}
	free(line);
}

static void client_run(struct ctl_client *c)
{
	if (c->closing) {
		if (unsent_bytes(c) == 0)
			ctl_client_free(c);
		return;
	}
	if (unsent_bytes(c) >= c->server->limits.output_bytes)
		return; /* on_write() comes back */
	if (c->busy)
		step(c);
	else
		begin(c);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	client_run(arg);
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	ctl_client_free(arg);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct ctl_client *c = arg;

	if (!c->busy)
		client_run(c);
}

static void on_write(struct bufferevent *bev, void *arg)
{
	struct ctl_client *c = arg;

	if (c->closing || !evtimer_pending(c->tick, NULL))
		client_run(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct ctl_client *c = arg;

	if (!(what & BEV_EVENT_EOF)) { /* an error, or nothing was taken for too long */
		ctl_client_free(c);
		return;
	}
	c->eof = true;
	if (!c->busy)
		client_run(c);
}

static int client_setup(struct ctl_client *c, int fd)
{
	const struct ctl_limits *l = &c->server->limits;
	struct timeval stall = ms_to_timeval(l->stall_ms);

	c->bev = bufferevent_socket_new(c->server->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev) {
		close(fd);
		return -ENOMEM;
	}
	c->tick = evtimer_new(c->server->base, on_tick, c);
	c->idle = evtimer_new(c->server->base, on_idle, c);
	if (!c->tick || !c->idle)
		return -ENOMEM;
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_MAX);
	bufferevent_setwatermark(c->bev, EV_WRITE, l->output_bytes / 4, 0);
	bufferevent_set_timeouts(c->bev, NULL, &stall);
	return bufferevent_enable(c->bev, EV_READ | EV_WRITE) ? -ENOMEM : 0;
}

/* has_asked() - its request is there, and only waits to be read. */
static bool has_asked(const struct ctl_client *c)
{
	char byte;

	return recv(bufferevent_getfd(c->bev), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* is_stuck() - nothing is being done for it, and that is its own fault. */
static bool is_stuck(const struct ctl_client *c)
{
	return c->busy ? unsent_bytes(c) >= c->server->limits.output_bytes : !has_asked(c);
}

struct ctl_client *ctl_client_idlest(const struct ctl_server *s, bool privileged)
{
	int64_t enough = now_ms() - s->limits.spare_ms;
	struct ctl_client *c, *found = NULL;

	LIST_FOREACH(c, &s->clients, link)
	{
		/* cppcheck-suppress uninitvar ; LIST_FOREACH() of <sys/queue.h> has set it */
		bool idle = c->active_ms <= enough && is_stuck(c);
		bool may = privileged ? idle || !c->may_change : idle && !c->may_change;

		if (may && (!found || c->active_ms <= found->active_ms)) /* new ones come first */
			found = c;
	}
	return found;
}

struct ctl_client *ctl_client_busiest(const struct ctl_server *s)
{
	struct ctl_client *c, *found = NULL;

	LIST_FOREACH(c, &s->clients, link)
	{
		/* cppcheck-suppress uninitvar ; LIST_FOREACH() of <sys/queue.h> has set it */
		if (c->asked >= CTL_GREEDY && (!found || c->asked > found->asked))
			found = c;
	}
	return found;
}

int ctl_client_new(struct ctl_server *s, int fd, bool may_change)
{
	struct ctl_client *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->server = s;
	c->may_change = may_change;
	c->active_ms = now_ms();
	LIST_INSERT_HEAD(&s->clients, c, link);
	s->n_clients++;
	if (client_setup(c, fd)) {
		ctl_client_free(c);
		return -ENOMEM;
	}
	wait_for_request(c);
	return 0;
}
