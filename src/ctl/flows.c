/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conns, ends, netstat: dumps of flows.
 *
 * One step is one job on one worker that copies at most CTL_FLOWS_CHUNK flows; filters and text are
 * done here afterwards, on the control plane's own time.
 */
#include "ctl/commands.h"

#include <stdio.h>
#include <string.h>

#include "ctl/filter.h"

struct dump {
	bool begun;
	struct flow_filter filter;
	uint32_t worker; /* being read */
	uint32_t cursor; /* in that worker's table */
	uint32_t n;
	struct flow_report row[CTL_FLOWS_CHUNK];
};

const size_t ctl_flows_state_bytes = sizeof(struct dump);

static void job_flows(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	struct dump *d = arg;

	d->n = guard_report_flows(g, now, &d->cursor, d->row, CTL_FLOWS_CHUNK);
}

static enum step dump_begin(struct request *r, struct dump *d)
{
	if (flow_filter_parse(&d->filter, r->ops->config(r->ops->ctx), request_n_args(r),
			      r->words.word + 1, r->why, sizeof(r->why)))
		return STEP_FAILED;
	d->begun = true;
	return STEP_MORE;
}

/* dump_fetch() - the next chunk. Return: STEP_MORE if there may be another one. */
static enum step dump_fetch(struct request *r, struct dump *d)
{
	d->n = 0;
	if (d->worker >= r->ops->n_workers(r->ops->ctx))
		return STEP_DONE;
	if (request_run(r, d->worker, job_flows, d))
		return STEP_FAILED;
	if (d->cursor == INDEX_NONE) {
		d->cursor = 0;
		d->worker++;
	}
	return STEP_MORE;
}

static void write_ms(struct jw *j, const char *key, usec_t us)
{
	if (us == USEC_NEVER)
		jw_null(j, key);
	else
		jw_u64(j, key, us / USEC_PER_MSEC);
}

static const char *proto_name(const struct ip_addr *server)
{
	return ip_addr_is_v4(server) ? "tcp" : "tcp6";
}

/*
 * What writes one flow of @worker that the filter knows. Which rows it picks is its own affair: netstat
 * has states of its own, and not all flows have ends.
 */
typedef void write_flow_fn(struct jw *j, const struct flow_filter *filter, uint32_t worker,
			   const struct flow_report *f);

/* dump_step() - write the next chunk. Return: STEP_MORE if there may be another one. */
static enum step dump_step(struct request *r, struct dump *d, write_flow_fn *write)
{
	uint32_t worker = d->worker;
	enum step step = dump_fetch(r, d);

	for (uint32_t i = 0; i < d->n; i++)
		write(&r->out, &d->filter, worker, &d->row[i]);
	return step;
}

struct endpoints {
	char client[IP_ENDPOINT_STRLEN], server[IP_ENDPOINT_STRLEN];
};

static void format_endpoints(const struct flow_report *f, struct endpoints *e)
{
	ip_endpoint_format(&f->client, f->client_port, e->client);
	ip_endpoint_format(&f->server, f->server_port, e->server);
}

/* row_head() - begin a row about the flow; `close` takes its id. */
static void row_head(struct jw *j, uint32_t worker, const struct flow_report *f)
{
	char id[24];

	snprintf(id, sizeof(id), "%u:%u", worker, f->id);
	jw_row_begin(j);
	jw_str(j, "id", id);
	jw_str(j, "proto", proto_name(&f->server));
}

static void write_conn(struct jw *j, const struct flow_filter *filter, uint32_t worker,
		       const struct flow_report *f)
{
	struct endpoints e;

	if (!flow_filter_match(filter, f))
		return;
	format_endpoints(f, &e);
	row_head(j, worker, f);
	jw_str(j, "client", e.client);
	jw_str(j, "server", e.server);
	jw_str(j, "client_state", tcp_state_name(f->client_state));
	jw_str(j, "server_state", tcp_state_name(f->server_state));
	jw_str(j, "engine", flow_kind_name(f->kind));
	jw_str(j, "service", f->service);
	jw_u64(j, "age_ms", f->age / USEC_PER_MSEC);
	jw_u64(j, "idle_ms", f->idle / USEC_PER_MSEC);
	jw_str(j, "timer", f->timer == USEC_NEVER ? NULL : f->timer_name);
	write_ms(j, "timer_ms", f->timer_name ? f->timer : USEC_NEVER);
	jw_u64(j, "bytes_in", f->bytes_in);
	jw_u64(j, "bytes_out", f->bytes_out);
	jw_u64(j, "recv_q", f->recv_queue);
	jw_u64(j, "send_q", f->send_queue);
	jw_row_end(j);
}

enum step ctl_conns(struct request *r)
{
	struct dump *d = r->state;

	return d->begun ? dump_step(r, d, write_conn) : dump_begin(r, d);
}

/* write_end() - one end of a terminated connection: @i = 0 toward the client, 1 toward the server. */
static void write_end(struct jw *j, uint32_t worker, const struct flow_report *f, unsigned i)
{
	const struct end_report *e = &f->end[i];
	struct endpoints p;

	format_endpoints(f, &p);
	row_head(j, worker, f);
	jw_str(j, "toward", i ? "server" : "client");
	jw_str(j, "state", tcp_state_name(i ? f->server_state : f->client_state));
	jw_u64(j, "recv_q", e->recv_queue);
	jw_u64(j, "send_q", e->send_queue);
	jw_str(j, "local", i ? p.client : p.server);
	jw_str(j, "peer", i ? p.server : p.client);
	jw_str(j, "timer", e->timer);
	write_ms(j, "timer_ms", e->timer ? e->timer_in : USEC_NEVER);
	jw_u64(j, "rto_ms", e->rto_ms);
	jw_u64(j, "srtt_us", e->srtt_us);
	jw_u64(j, "rttvar_us", e->rttvar_us);
	jw_u64(j, "mss", e->mss);
	jw_u64(j, "cwnd", e->cwnd);
	jw_u64(j, "ssthresh", e->ssthresh);
	jw_u64(j, "in_flight", e->in_flight);
	jw_u64(j, "retransmits", e->retransmits);
	jw_u64(j, "snd_wnd", e->send_window);
	jw_u64(j, "rcv_wnd", e->receive_window);
	jw_u64(j, "snd_wscale", e->send_wscale);
	jw_u64(j, "rcv_wscale", e->receive_wscale);
	jw_bool(j, "wscale", e->wscale);
	jw_bool(j, "timestamps", e->timestamps);
	jw_bool(j, "sack", e->sack);
	jw_bool(j, "ecn", e->ecn);
	jw_str(j, "service", f->service);
	jw_row_end(j);
}

static void write_ends(struct jw *j, const struct flow_filter *filter, uint32_t worker,
		       const struct flow_report *f)
{
	if (!f->has_ends || !flow_filter_match(filter, f))
		return;
	write_end(j, worker, f, 0);
	write_end(j, worker, f, 1);
}

enum step ctl_ends(struct request *r)
{
	struct dump *d = r->state;

	return d->begun ? dump_step(r, d, write_ends) : dump_begin(r, d);
}

static void write_netstat(struct jw *j, const char *proto, uint32_t recv_q, uint32_t send_q,
			  const char *local, const char *foreign, enum tcp_state state,
			  const char *service)
{
	jw_row_begin(j);
	jw_str(j, "proto", proto);
	jw_u64(j, "recv_q", recv_q);
	jw_u64(j, "send_q", send_q);
	jw_str(j, "local", local);
	jw_str(j, "foreign", foreign);
	jw_str(j, "state", tcp_state_name(state));
	jw_str(j, "service", service);
	jw_row_end(j);
}

static void write_netstat_flow(struct jw *j, const struct flow_filter *filter, uint32_t worker,
			       const struct flow_report *f)
{
	struct endpoints e;

	if (!flow_filter_match_netstat(filter, f))
		return;
	format_endpoints(f, &e);
	write_netstat(j, proto_name(&f->server), f->recv_queue, f->send_queue, e.server, e.client,
		      flow_netstat_state(f), f->service);
}

/* write_listens() - what the services listen on, as the servers' own LISTEN rows would be. */
static void write_listens(struct request *r, const struct flow_filter *filter)
{
	const struct guard_config *config = r->ops->config(r->ops->ctx);
	char text[CTL_LISTEN_STRLEN];

	for (uint32_t i = 0; i < config->n_listens; i++) {
		struct guard_listen l = config->listen[i];
		const char *service = config->service[l.service].name;
		bool v4 = ip_addr_is_v4(&l.prefix);

		if (l.plen == (v4 ? 96 : 0))
			l.plen = 128; /* any address: netstat shows 0.0.0.0, not 0.0.0.0/0 */
		if (flow_filter_match_listen(filter, service))
			write_netstat(&r->out, proto_name(&l.prefix), 0, 0,
				      ctl_listen_format(&l, text), v4 ? "0.0.0.0:*" : "[::]:*",
				      TCPS_LISTEN, service);
	}
}

enum step ctl_netstat(struct request *r)
{
	struct dump *d = r->state;
	enum step step;

	if (d->begun)
		return dump_step(r, d, write_netstat_flow);
	step = dump_begin(r, d);
	if (step == STEP_MORE)
		write_listens(r, &d->filter);
	return step;
}
