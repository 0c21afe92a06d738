/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/metrics_server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/metrics.h"

#define CONNECTIONS_MAX 16
#define IDLE_S		5 /* nothing is read or written for so long: hang up */
#define LIFE		(10 * USEC_PER_SEC) /* of a connection, whatever happens on it */
#define HEADERS_MAX	8192
#define BACKLOG		128
#define RETRY_MS	100
#define CACHE_TIME	USEC_PER_SEC

#define METHODS_ALL                                                                                \
	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | \
	 EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)

/* One answer of the workers, shared by all who are being sent it. */
struct page {
	uint32_t users;
	bool failed; /* the text is the reason */
	size_t len;
	char text[];
};

/* A socket of the HTTP server: by its inode, since it is closed without asking us. */
struct connection {
	int fd;
	ino_t inode;
	usec_t since;
};

/* A connection whose socket is not known yet; it is in the next round of the loop. */
struct newcomer {
	STAILQ_ENTRY(newcomer) next;
	struct bufferevent *bev; /* a reference of ours */
};

STAILQ_HEAD(newcomer_list, newcomer);

struct metrics_server {
	struct event_base *base;
	const struct ctl_ops *ops;
	struct evhttp *http;
	struct evconnlistener *listener; /* of @http */
	struct event *retry; /* accepts again after descriptors ran out */
	struct event *note, *sweep;
	struct newcomer_list newcomers; /* in the order in which they came */
	uint32_t n;
	struct connection connection[CONNECTIONS_MAX]; /* the oldest first */
	struct page *page;
	usec_t made; /* when @page was */
};

/* ---- the page ---- */

static void page_release(struct page *p)
{
	if (p && --p->users == 0)
		free(p);
}

static void page_sent(const void *data, size_t len, void *arg)
{
	page_release(arg);
}

/* page_make() - Return: a page with one user, or NULL if there is no memory. */
static struct page *page_make(const struct ctl_ops *ops)
{
	struct evbuffer *text = evbuffer_new();
	struct page *p = NULL;
	char why[512];
	bool failed;

	if (!text)
		return NULL;
	failed = metrics_write(ops, text, why, sizeof(why)) != 0;
	if (failed) {
		evbuffer_drain(text, evbuffer_get_length(text));
		evbuffer_add_printf(text, "%s\n", why);
	}
	p = malloc(sizeof(*p) + evbuffer_get_length(text));
	if (p) {
		p->users = 1;
		p->failed = failed;
		p->len = evbuffer_get_length(text);
		evbuffer_remove(text, p->text, p->len);
	}
	evbuffer_free(text);
	return p;
}

/* page_now() - not older than CACHE_TIME, made if need be. NULL: no memory. */
static struct page *page_now(struct metrics_server *s)
{
	usec_t now = s->ops->now(s->ops->ctx);

	if (s->page && now - s->made < CACHE_TIME)
		return s->page;
	page_release(s->page);
	s->page = page_make(s->ops);
	s->made = s->ops->now(s->ops->ctx); /* asking may have taken its time */
	return s->page;
}

/* ---- requests ---- */

static void add_header(struct evhttp_request *req, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(req), name, value);
}

/* reply() - with @len bytes at @text; @page holds them, or NULL if they are static. */
static void reply(struct evhttp_request *req, int code, const char *reason, const char *type,
		  const char *text, size_t len, struct page *page)
{
	struct evbuffer *body = evhttp_request_get_output_buffer(req);
	char length[24];

	snprintf(length, sizeof(length), "%zu", len);
	add_header(req, "Content-Type", type);
	add_header(req, "Content-Length", length);
	add_header(req, "Connection", "close");
	if (evhttp_request_get_command(req) != EVHTTP_REQ_HEAD) {
		if (page)
			page->users++;
		if (evbuffer_add_reference(body, text, len, page ? page_sent : NULL, page))
			page_release(page);
	}
	evhttp_send_reply(req, code, reason, NULL);
}

static void reply_sentence(struct evhttp_request *req, int code, const char *reason,
			   const char *sentence)
{
	reply(req, code, reason, "text/plain; charset=utf-8", sentence, strlen(sentence), NULL);
}

static void reply_metrics(struct metrics_server *s, struct evhttp_request *req)
{
	struct page *p = page_now(s);

	if (!p)
		reply_sentence(req, HTTP_SERVUNAVAIL, "Service Unavailable", "out of memory\n");
	else if (p->failed)
		reply(req, HTTP_SERVUNAVAIL, "Service Unavailable", "text/plain; charset=utf-8",
		      p->text, p->len, p);
	else
		reply(req, HTTP_OK, "OK", METRICS_CONTENT_TYPE, p->text, p->len, p);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	enum evhttp_cmd_type command = evhttp_request_get_command(req);

	if (command != EVHTTP_REQ_GET && command != EVHTTP_REQ_HEAD) {
		add_header(req, "Allow", "GET, HEAD");
		reply_sentence(req, HTTP_BADMETHOD, "Method Not Allowed",
			       "metrics can only be read: GET /metrics\n");
	} else if (!path || strcmp(path, "/metrics") != 0) {
		reply_sentence(req, HTTP_NOTFOUND, "Not Found", "there is only /metrics here\n");
	} else {
		reply_metrics(arg, req);
	}
}

/* ---- connections ---- */

static bool is_open(const struct connection *c)
{
	struct stat st;

	return fstat(c->fd, &st) == 0 && st.st_ino == c->inode;
}

/* drop_first() - hang up on the oldest, unless it is gone already. */
static void drop_first(struct metrics_server *s)
{
	if (is_open(&s->connection[0]))
		shutdown(s->connection[0].fd, SHUT_RDWR);
	memmove(s->connection, s->connection + 1, --s->n * sizeof(s->connection[0]));
}

/* forget_closed() - what the server has closed itself. */
static void forget_closed(struct metrics_server *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n; i++)
		if (is_open(&s->connection[i]))
			s->connection[n++] = s->connection[i];
	s->n = n;
}

static void remember(struct metrics_server *s, int fd)
{
	static const struct timeval second = {1, 0};
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return;
	forget_closed(s);
	if (s->n == CONNECTIONS_MAX)
		drop_first(s);
	s->connection[s->n++] = (struct connection){fd, st.st_ino, s->ops->now(s->ops->ctx)};
	if (!evtimer_pending(s->sweep, NULL))
		evtimer_add(s->sweep, &second);
}

/* on_sweep() - once a second while there are connections. */
static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval second = {1, 0};
	struct metrics_server *s = arg;
	usec_t now = s->ops->now(s->ops->ctx);

	forget_closed(s);
	while (s->n > 0 && now - s->connection[0].since > LIFE)
		drop_first(s);
	if (s->n > 0)
		evtimer_add(s->sweep, &second);
}

static void take_newcomers(struct metrics_server *s, bool note)
{
	struct newcomer *c;

	while ((c = STAILQ_FIRST(&s->newcomers))) {
		STAILQ_REMOVE_HEAD(&s->newcomers, next);
		if (note)
			remember(s, bufferevent_getfd(c->bev));
		bufferevent_decref(c->bev);
		free(c);
	}
}

static void on_note(evutil_socket_t fd, short what, void *arg)
{
	take_newcomers(arg, true);
}

/*
 * new_connection() - the server wants a bufferevent for a socket it has accepted, and sets the socket
 * when we have returned; so it is looked at a moment later.
 */
static struct bufferevent *new_connection(struct event_base *base, void *arg)
{
	struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	struct newcomer *c = malloc(sizeof(*c));
	struct metrics_server *s = arg;

	if (!bev || !c) {
		free(c);
		return bev; /* the server makes one itself if there is none */
	}
	bufferevent_incref(bev);
	c->bev = bev;
	STAILQ_INSERT_TAIL(&s->newcomers, c, next);
	event_active(s->note, EV_TIMEOUT, 0);
	return bev;
}

/* on_accept_error() - out of descriptors, mostly: rest a little instead of turning in circles. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct timeval tv = {0, RETRY_MS * 1000};
	struct metrics_server *s = arg;

	evconnlistener_disable(listener);
	evtimer_add(s->retry, &tv);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	evconnlistener_enable(((struct metrics_server *)arg)->listener);
}

/* ---- start and end ---- */

static socklen_t sockaddr_of(struct sockaddr_storage *ss, const struct ip_addr *addr, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (ip_addr_is_v4(addr)) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		in->sin_addr.s_addr = addr->w[3];
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, addr, sizeof(in6->sin6_addr));
	return sizeof(*in6);
}

static const char *advice(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "end what listens there, or choose another port";
	case EADDRNOTAVAIL:
		return "name an address that this machine has";
	case EACCES:
	case EPERM:
		return "choose a port above 1023";
	default:
		return "choose another address";
	}
}

/* listen_on() - Return: the socket, or a negative errno with @why filled. */
static int listen_on(const struct ip_addr *addr, uint16_t port, char *why, size_t why_len)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(&ss, addr, port);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, error;
	char text[IP_ENDPOINT_STRLEN];

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd >= 0 && bind(fd, (struct sockaddr *)&ss, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	snprintf(why, why_len, "cannot serve metrics on %s: %s; %s",
		 ip_endpoint_format(addr, port, text), strerror(error), advice(error));
	if (fd >= 0)
		close(fd);
	return -error;
}

/* set_up() - the HTTP server on @fd; taken. Return: 0 or -ENOMEM. */
static int set_up(struct metrics_server *s, int fd)
{
	s->listener = evconnlistener_new(s->base, NULL, NULL,
					 LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!s->listener) {
		close(fd);
		return -ENOMEM;
	}
	s->http = evhttp_new(s->base);
	s->retry = evtimer_new(s->base, on_retry, s);
	s->note = event_new(s->base, -1, 0, on_note, s);
	s->sweep = evtimer_new(s->base, on_sweep, s);
	if (!s->http || !s->retry || !s->note || !s->sweep ||
	    !evhttp_bind_listener(s->http, s->listener)) {
		evconnlistener_free(s->listener);
		return -ENOMEM;
	}
	evconnlistener_set_error_cb(s->listener, on_accept_error);
	evhttp_set_bevcb(s->http, new_connection, s);
	evhttp_set_gencb(s->http, on_request, s);
	evhttp_set_allowed_methods(s->http, METHODS_ALL); /* so that on_request() can say no */
	evhttp_set_max_headers_size(s->http, HEADERS_MAX);
	evhttp_set_max_body_size(s->http, 0);
	evhttp_set_timeout(s->http, IDLE_S);
	return 0;
}

struct metrics_server *metrics_server_new(struct event_base *base, const struct ctl_ops *ops,
					  const struct ip_addr *addr, uint16_t port, char *why,
					  size_t why_len)
{
	struct metrics_server *s = calloc(1, sizeof(*s));
	int fd;

	if (!s) {
		snprintf(why, why_len, "out of memory");
		return NULL;
	}
	s->base = base;
	s->ops = ops;
	STAILQ_INIT(&s->newcomers);
	fd = listen_on(addr, port, why, why_len);
	if (fd >= 0 && set_up(s, fd) == 0)
		return s;
	if (fd >= 0)
		snprintf(why, why_len, "out of memory");
	metrics_server_free(s);
	return NULL;
}

void metrics_server_free(struct metrics_server *s)
{
	struct event *events[3];

	if (!s)
		return;
	take_newcomers(s, false);
	if (s->http)
		evhttp_free(s->http); /* with its listener and its connections */
	events[0] = s->retry;
	events[1] = s->note;
	events[2] = s->sweep;
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (events[i])
			event_free(events[i]);
	page_release(s->page);
	free(s);
}
