/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: any bytes as a capture, read twice, through the guard, and reported in all three ways.
 *
 * Input: the file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "replay/result.h"
#include "tests/fuzz/fuzz.h"

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* settings() - two services, so that something is guarded most of the time; small tables. */
static const struct conf *settings(void)
{
	static const char text[] = "max-flows = 512\nmax-half-open = 512\n"
				   "service \"a\" { listen = { \"10.0.0.0/8:80\" } }\n"
				   "service \"b\" { listen = { \"[::]/0:1-65535\" } }\n";
	static struct conf *c;

	if (!c)
		must(conf_parse(text, strlen(text), "fuzz", &c, NULL, NULL) == 0);
	return c;
}

static void check(const struct replay *r)
{
	usec_t all = 0;

	must(r->n_bins >= 1 && r->n_bins <= 1000);
	for (uint32_t i = 0; i < r->n_bins; i++) {
		usec_t span = replay_bin_span(r, i);

		must(span > 0 && span <= 2 * r->width);
		all += span;
	}
	must(r->from + all >= r->survey.duration);
	for (uint32_t i = 0; i < r->n_services; i++) {
		const struct replay_service *s = &r->service[i];
		uint64_t syn = 0;

		for (uint32_t k = 0; k < r->n_bins; k++)
			syn += s->bin[k].syn;
		must(syn == s->report.counters.syn_received);
		for (uint32_t k = 0; k < s->n_attacks; k++) {
			const struct replay_attack *a = &s->attack[k];

			must(a->noticed <= a->ended && a->ended <= r->survey.duration);
			must(!a->onset_known || a->onset.first <= a->noticed);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct replay r;
	static FILE *nowhere;
	char path[64], why[CAPTURE_WHY_MAX] = "";
	int fd = memfd_create("capture", MFD_CLOEXEC);

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	must(fd >= 0 && nowhere && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(&r, 0, sizeof(r));
	r.file = path;
	if (survey_capture(&r.survey, path, why) == 0) {
		r.conf = settings();
		must(replay_run_capture(&r, why) == 0);
		check(&r);
		replay_text(&r, nowhere);
		must(replay_json(&r, nowhere) == 0);
		replay_plot(&r, nowhere);
	} else {
		must(why[0] != '\0');
	}
	replay_free(&r);
	close(fd);
	return 0;
}
