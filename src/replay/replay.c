/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/values.h"
#include "replay/result.h"

static void complain(void *arg, const char *line)
{
	fprintf(stderr, "%s\n", line);
}

/* name_service() - the text itself where it fits, so that the report says what was typed. */
static void name_service(struct guard_service_config *s, const char *text, uint32_t number)
{
	memset(s->name, 0, sizeof(s->name));
	if (strlen(text) < sizeof(s->name))
		memcpy(s->name, text, strlen(text));
	else
		snprintf(s->name, sizeof(s->name), "service-%u", number);
}

/* watch() - one service for each of @texts, with the settings of @c's first one. */
static int watch(struct conf *c, const char *const *texts, uint32_t n)
{
	struct guard_config *g = &c->guard;
	const struct guard_service_config like = g->service[0];
	char why[CONF_WHY_MAX];

	g->n_services = g->n_listens = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct guard_listen *l = &g->listen[g->n_listens];
		int got = conf_listen_parse(texts[i], l, GUARD_LISTENS_MAX - g->n_listens, why);

		if (got < 0) {
			fprintf(stderr, "tcpguardd: --service %s\n", why);
			return -EINVAL;
		}
		for (int k = 0; k < got; k++)
			l[k].service = (uint16_t)i;
		g->n_listens += (uint32_t)got;
		g->service[i] = like;
		name_service(&g->service[i], texts[i], i + 1);
		g->n_services++;
	}
	return 0;
}

/* load() - the configuration to replay with; *@c is to be released with conf_free(). */
static int load(struct conf **c, const struct replay_options *o, struct replay *r)
{
	/* any address does: it is replaced */
	static const char defaults[] = "service \"replay\" { listen = { \"192.0.2.1:80\" } }";
	char guess[IP_ENDPOINT_STRLEN];
	const char *texts[] = {guess};
	int rc;

	if (o->config)
		rc = conf_load(o->config, c, complain, NULL);
	else
		rc = conf_parse(defaults, strlen(defaults), "defaults", c, complain, NULL);
	if (rc < 0)
		return rc;
	if ((*c)->guard.n_services == 0) {
		fprintf(stderr,
			"tcpguardd: %s: there is no service in it; add one, or leave out -c\n",
			o->config);
		return -EINVAL;
	}
	if (o->n_services)
		return watch(*c, o->service, o->n_services);
	if (o->config)
		return 0;
	if (!r->survey.found) {
		fprintf(stderr,
			"tcpguardd: %s: no SYN in it, so there is no service to be guessed; "
			"name one with --service\n",
			o->file);
		return -EINVAL;
	}
	ip_endpoint_format(&r->survey.busiest, r->survey.busiest_port, guess);
	r->guessed = true;
	return watch(*c, texts, 1);
}

/* nothing_read() - a file with frames of which none could be used is an error, not a report. */
static bool nothing_read(const struct survey *s)
{
	return s->tcp + s->icmp_errors + s->fragments + s->other == 0;
}

static void say_nothing_read(const char *file, const struct survey *s)
{
	fprintf(stderr, "tcpguardd: %s: nothing in it can be replayed\n", file);
	if (s->frames == 0 && !s->damage[0])
		fprintf(stderr, "  it holds no frames\n");
	for (uint32_t i = 0; i < s->n_links; i++)
		fprintf(stderr, "  %llu frames of link type %u\n",
			(unsigned long long)s->link[i].frames, s->link[i].number);
	for (unsigned i = 0; i < TROUBLE_COUNT; i++) {
		if (s->trouble[i])
			fprintf(stderr, "  %llu %s\n", (unsigned long long)s->trouble[i],
				trouble_text(i));
	}
	if (s->damage[0])
		fprintf(stderr, "  damaged: %s\n", s->damage);
}

static bool is_regular(FILE *f)
{
	struct stat st;

	return fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode);
}

/* write_plot() - a whole picture or none. */
static int write_plot(const struct replay *r, const char *path)
{
	FILE *f = fopen(path, "we");
	int error = f ? 0 : errno;
	bool ours = f && is_regular(f); /* nobody wants to lose /dev/stdout */

	if (f) {
		replay_plot(r, f);
		if (ferror(f))
			error = EIO;
		if (fclose(f) != 0)
			error = errno;
		if (error && ours)
			unlink(path);
	}
	if (error)
		fprintf(stderr, "tcpguardd: cannot write %s: %s\n", path, strerror(error));
	return -error;
}

static int report(const struct replay *r, const struct replay_options *o, FILE *out)
{
	int rc = 0, plotted = 0;

	if (o->json)
		rc = replay_json(r, out);
	else
		replay_text(r, out);
	if (fflush(out) != 0 || ferror(out)) {
		fprintf(stderr, "tcpguardd: cannot write the report: %s\n", strerror(errno));
		rc = -EIO;
	}
	if (o->plot)
		plotted = write_plot(r, o->plot);
	return rc ? rc : plotted;
}

static double seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* is_same_file() - would writing to @b destroy @a? */
static bool is_same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

int replay_main(const struct replay_options *o, FILE *out)
{
	struct replay *r = calloc(1, sizeof(*r));
	char why[CAPTURE_WHY_MAX] = "out of memory";
	double began = seconds_now();
	struct conf *c = NULL;
	int rc = -ENOMEM;

	if (o->plot && is_same_file(o->file, o->plot)) {
		fprintf(stderr,
			"tcpguardd: the plot would replace the capture %s, give it another name\n",
			o->file);
		free(r);
		return -EINVAL;
	}
	if (r) {
		r->file = o->file;
		rc = survey_capture(&r->survey, o->file, why);
	}
	if (rc < 0) {
		fprintf(stderr, "tcpguardd: %s %s\n", o->file, why);
	} else if (nothing_read(&r->survey)) {
		say_nothing_read(o->file, &r->survey);
		rc = -EINVAL;
	} else {
		rc = load(&c, o, r);
	}
	if (rc == 0) {
		r->conf = c;
		rc = replay_run_capture(r, why);
		if (rc < 0)
			fprintf(stderr, "tcpguardd: %s %s\n", o->file, why);
		r->seconds = seconds_now() - began;
	}
	if (rc == 0)
		rc = report(r, o, out);
	if (r)
		replay_free(r);
	conf_free(c);
	free(r);
	return rc;
}
