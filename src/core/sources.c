/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 *
 * All sketches are addressed by keyed hashes. None of them is ever told to anybody, so a sender can
 * neither fill one bucket nor hide in another's. What is sampled is decided by random numbers, or for
 * retransmissions, which must be found in the sample again, by the keyed hash of the connection.
 *
 * Sampling. The weight of a sampled SYN is the inverse of the probability with which it was taken, and
 * that was fixed before the SYN came; so the expectation of every weighted count is the true count.
 * The rate is chosen once a second for the SYNs of the second before, and halved on the way each time
 * SAMPLE_MAX were taken. An attack from nothing to a million SYNs a second takes about nine such
 * steps, 11,000 samples in its first second and between 1024 and 2048 in each that follows.
 *
 * Ageing. What can be halved is halved, which in a steady stream makes it worth the current second and
 * the whole of the last one. HyperLogLog registers cannot, so there are two of them, one a second.
 * After the end of an attack halves of it would be larger than all of the calm for ten seconds: then
 * everything is forgotten at once.
 */
#include "core/sources.h"

#include <assert.h>

#include "base/log2.h"

#define UNIT_BITS   4 /* weights are in 1/16 SYN, so that halving them now and then costs nothing */
#define UNIT	    (1u << UNIT_BITS)
#define SAMPLE_MAX  2048 /* a second at a steady rate */
#define WATCHED_MAX 256 /* likewise: a tag is remembered for some four seconds */
#define SHIFT_MAX   12

#define HEAVY_PERMILLE 10

/* What is left of an attack may outweigh the calm after it so many times, or be so many SYNs. */
#define REST_FACTOR 8
#define REST_SYNS   1000

static_assert(sizeof(struct sources) <= 24 * 1024, "there is one for each service");
static_assert(sizeof(struct topk_key) == sizeof(struct ip_addr), "an address is a key");
static_assert(sizeof(struct topk_key) == sizeof(struct syn_fingerprint), "and so is this");

void sources_init(struct sources *s, const struct siphash_key *key)
{
	memset(s, 0, sizeof(*s));
	s->key = *key;
}

static inline uint64_t hash_address(const struct sources *s, const struct ip_addr *a)
{
	uint64_t word[2];

	if (ip_addr_is_v4(a))
		return siphash13_u32(&s->key, a->w[3]);
	memcpy(word, a, sizeof(word));
	return siphash13_2words(&s->key, word[0], word[1]);
}

static uint32_t hash_key(const struct sources *s, const struct topk_key *k)
{
	return (uint32_t)siphash13_2words(&s->key, k->word[0], k->word[1]);
}

static struct topk_key address_key(const struct ip_addr *a)
{
	struct topk_key key;

	memcpy(&key, a, sizeof(key));
	return key;
}

/* network_key() - the /24 of an IPv4 address, the /64 of another. */
static struct topk_key network_key(const struct ip_addr *a)
{
	struct ip_addr network = *a;

	if (ip_addr_is_v4(a))
		network.w[3] &= htonl(0xffffff00);
	else
		network.w[2] = network.w[3] = 0;
	return address_key(&network);
}

static struct topk_key fingerprint_key(const struct syn_fingerprint *f)
{
	struct topk_key key;

	memcpy(&key, f, sizeof(key));
	return key;
}

/* spread_bucket() - of the part of an address that routing knows: somebody's network. */
static uint32_t spread_bucket(const struct sources *s, const struct ip_addr *a)
{
	uint32_t prefix = ip_addr_is_v4(a) ? a->w[3] & htonl(0xffff0000) : a->w[0];

	return siphash13_u32(&s->key, prefix) % SOURCES_SPREAD_BUCKETS;
}

/* shift_for() - the sampling rate, for @syns in a second, that yields @max samples at most. */
static uint32_t shift_for(uint32_t syns, uint32_t max)
{
	uint32_t shift = 0;

	while (shift < SHIFT_MAX && syns >> shift > max)
		shift++;
	return shift;
}

/* thin_out() - one more was taken; when @max were, take every other one from now on. */
static void thin_out(uint32_t *shift, uint32_t *taken, uint32_t max)
{
	if (++*taken < max || *shift == SHIFT_MAX)
		return;
	++*shift;
	*taken = max / 2; /* what this rate would have taken so far */
}

/* watch() - is this SYN, whose connection is in the sample with the hash @x, the first of it? */
static void watch(struct sources_repeats *r, uint64_t x)
{
	uint64_t *set = &r->seen[x % SOURCES_SEEN_SETS];
	uint16_t tag = (uint16_t)(x >> 16) | 1; /* never 0, which is "none" */
	uint32_t weight = 1u << r->shift;

	thin_out(&r->shift, &r->taken, WATCHED_MAX);
	for (unsigned i = 0; i < 64; i += 16) {
		if ((uint16_t)(*set >> i) == tag) {
			r->again += weight;
			return;
		}
	}
	r->first += weight;
	*set = *set << 16 | tag;
}

/* connection_hash() - of the connection and the initial sequence number, from that of the source. */
static inline uint64_t connection_hash(const struct sources *s, const struct pkt *syn,
				       uint64_t source)
{
	uint64_t x = source ^ ((uint64_t)syn->seq << 32 | (uint32_t)syn->sport << 16 | syn->dport);

	x *= s->key.k0 | 1;
	x ^= x >> 32;
	x *= s->key.k1 | 1;
	return x ^ x >> 29;
}

static void take_sample(struct sources *s, const struct pkt *syn, uint64_t source)
{
	uint32_t weight = UNIT << s->shift;
	struct syn_fingerprint f = syn_fingerprint(syn);
	struct topk_key address = address_key(&syn->src), network = network_key(&syn->src);
	struct topk_key fingerprint = fingerprint_key(&f);

	topk_add(&s->address, &address, (uint32_t)source, weight);
	topk_add(&s->network, &network, hash_key(s, &network), weight);
	topk_add(&s->fingerprint, &fingerprint, hash_key(s, &fingerprint), weight);
	s->spread.bucket[spread_bucket(s, &syn->src)] += weight;
	s->spread.weight_squares += (uint64_t)weight * weight;
	s->ttl[syn->ttl] += weight;
	thin_out(&s->shift, &s->taken, SAMPLE_MAX);
}

void sources_syn(struct sources *s, const struct pkt *syn, uint32_t random)
{
	struct sources_window *w = &s->window[s->now];
	uint64_t source = hash_address(s, &syn->src);
	uint64_t connection = connection_hash(s, syn, source);

	w->syns++;
	hll_add(&w->distinct, source);
	if (!(connection >> (64 - SHIFT_MAX) & ((1u << s->repeats.shift) - 1)))
		watch(&s->repeats, connection);
	if (!(random & ((1u << s->shift) - 1)))
		take_sample(s, syn, source);
}

static void note_completed(struct topk *t, const struct topk_key *key, uint32_t hash)
{
	unsigned slot = topk_find(t, key, hash);

	if (slot != TOPK_NONE && t->note[slot] <= UINT32_MAX - UNIT)
		t->note[slot] += UNIT;
}

void sources_completed(struct sources *s, const struct ip_addr *client)
{
	struct topk_key address = address_key(client), network = network_key(client);

	s->window[s->now].completed++;
	note_completed(&s->address, &address, (uint32_t)hash_address(s, client));
	note_completed(&s->network, &network, hash_key(s, &network));
}

/* forget() - all that was sampled. */
static void forget(struct sources *s)
{
	memset(&s->address, 0, sizeof(s->address));
	memset(&s->network, 0, sizeof(s->network));
	memset(&s->fingerprint, 0, sizeof(s->fingerprint));
	memset(&s->spread, 0, sizeof(s->spread));
	memset(s->ttl, 0, sizeof(s->ttl));
	s->repeats.first = s->repeats.again = 0;
}

static void halve(struct sources *s)
{
	topk_age(&s->address);
	topk_age(&s->network);
	topk_age(&s->fingerprint);
	s->spread.weight_squares /= 4;
	for (unsigned i = 0; i < SOURCES_SPREAD_BUCKETS; i++)
		s->spread.bucket[i] /= 2;
	for (unsigned i = 0; i < ARRAY_SIZE(s->ttl); i++)
		s->ttl[i] /= 2;
	s->repeats.first /= 2;
	s->repeats.again /= 2;
}

void sources_age(struct sources *s)
{
	uint32_t syns = s->window[s->now].syns;

	s->now ^= 1;
	memset(&s->window[s->now], 0, sizeof(s->window[s->now]));
	if (s->address.total / UNIT > (uint64_t)syns * REST_FACTOR + REST_SYNS)
		forget(s);
	else
		halve(s);
	s->shift = shift_for(syns, SAMPLE_MAX);
	s->repeats.shift = shift_for(syns, WATCHED_MAX);
	s->taken = s->repeats.taken = 0;
}

static void merge_window(struct sources_window *into, const struct sources_window *from)
{
	into->syns += from->syns;
	into->completed += from->completed;
	hll_merge(&into->distinct, &from->distinct);
}

void sources_merge(struct sources *into, const struct sources *from)
{
	merge_window(&into->window[into->now], &from->window[from->now]);
	merge_window(&into->window[into->now ^ 1], &from->window[from->now ^ 1]);
	topk_merge(&into->address, &from->address);
	topk_merge(&into->network, &from->network);
	topk_merge(&into->fingerprint, &from->fingerprint);
	into->spread.weight_squares += from->spread.weight_squares;
	for (unsigned i = 0; i < SOURCES_SPREAD_BUCKETS; i++)
		into->spread.bucket[i] += from->spread.bucket[i];
	for (unsigned i = 0; i < ARRAY_SIZE(into->ttl); i++)
		into->ttl[i] += from->ttl[i];
	/* what is remembered is not merged: a connection always comes to the same worker */
	into->repeats.first += from->repeats.first;
	into->repeats.again += from->repeats.again;
}

/* ---- reports ---- */

/* scaled() - @part of @whole, as a part of @syns. */
static uint32_t scaled(uint64_t part, uint64_t whole, uint32_t syns)
{
	/* 2^32 * 2^32 at most, the parts being counts of a topk */
	uint64_t n = whole ? (part * syns + whole / 2) / whole : 0;

	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static uint16_t permille(uint64_t part, uint64_t whole)
{
	return (uint16_t)scaled(part, whole, 1000);
}

/*
 * spread_of_chance() - the entropy, in 1/65536 bit, that @n samples have on average when chance spreads
 * them over the buckets: log2(n) less what is lost where several fall into one, which is the mean
 * of c log2(c) for c from a Poisson distribution with the mean x = n / buckets, divided by x.
 */
static uint32_t spread_of_chance(uint32_t n)
{
	/* that loss for log2(x) = -6, -5.5, ... 6, in 1/65536 */
	static const uint32_t lost[] = {
		1021,	1442,	2035,	2870,	4044,	5688,	7985,	11175,	15574,
		21582,	29676,	40384,	54214,	71543,	92468,	116712, 143653, 172524,
		202663, 233623, 265132, 297017, 329165, 361497, 393957,
	};
	const uint32_t step = LOG2_ONE / 2, first = 3 * LOG2_ONE; /* log2(2^-6 * buckets) */
	uint32_t log = log2_q16(n), at, i;

	static_assert(SOURCES_SPREAD_BUCKETS == 512, "first is 9 - 6");
	if (log <= first)
		return log - (log ? lost[0] / 2 : 0); /* next to nothing, x / 2 on average */
	i = (log - first) / step;
	at = (log - first) % step;
	if (i >= ARRAY_SIZE(lost) - 1)
		return 9 * LOG2_ONE;
	return log - lost[i] - (uint32_t)((uint64_t)(lost[i + 1] - lost[i]) * at / step);
}

static uint16_t entropy_permille(const struct sources_spread *s)
{
	uint64_t sum = 0, sum_of_logs = 0, samples;
	uint32_t chance, entropy;

	for (unsigned i = 0; i < SOURCES_SPREAD_BUCKETS; i++) {
		sum += s->bucket[i];
		sum_of_logs += s->bucket[i] * (uint64_t)log2_q16(s->bucket[i]);
	}
	if (!sum || !s->weight_squares)
		return 0;
	/* weights differ, with age and with the rate: so many equal ones say as much (Kish, 1965) */
	samples = (sum / UNIT) * sum / (s->weight_squares / UNIT + 1);
	chance = spread_of_chance(samples < UINT32_MAX ? (uint32_t)samples : UINT32_MAX);
	if (!chance)
		return 0; /* a single SYN is not spread */
	entropy = log2_q16(sum) - (uint32_t)(sum_of_logs / sum);
	return entropy < chance ? permille(entropy, chance) : 1000;
}

/* certain() - what the key in this slot weighs at least. */
static uint32_t certain(const struct topk *t, unsigned slot)
{
	return t->count[slot] - t->error[slot];
}

/* put_heavy() - into the rows of @r, which are in order; the lightest gives way when they are full. */
static void put_heavy(struct sources_report *r, const struct heavy_prefix *h)
{
	uint32_t i = r->n_heavy;

	if (i == SOURCES_HEAVY_MAX && r->heavy[i - 1].syns >= h->syns)
		return;
	if (i == SOURCES_HEAVY_MAX)
		i--;
	else
		r->n_heavy++;
	for (; i > 0 && r->heavy[i - 1].syns < h->syns; i--)
		r->heavy[i] = r->heavy[i - 1];
	r->heavy[i] = *h;
}

/* report_heavy() - @networks: of the networks, else of the addresses. */
static void report_heavy(const struct topk *t, bool networks, struct sources_report *r)
{
	for (unsigned i = 0; i < TOPK_SLOTS; i++) {
		struct heavy_prefix h = {.plen = 128};

		if (!t->count[i] || certain(t, i) * (uint64_t)1000 < t->total * HEAVY_PERMILLE)
			continue;
		memcpy(&h.prefix, &t->key[i], sizeof(h.prefix));
		if (networks)
			h.plen = ip_addr_is_v4(&h.prefix) ? 120 : 64;
		h.syns = scaled(certain(t, i), t->total, r->syns);
		h.completed = scaled(t->note[i], t->total, r->syns);
		h.error = scaled(t->error[i], t->total, r->syns);
		if (h.syns)
			put_heavy(r, &h);
	}
}

static void report_common(const struct sources *s, struct sources_report *r)
{
	const struct topk *t = &s->fingerprint;
	unsigned best = 0, ttl = 0;
	uint64_t ttl_sum = 0;

	for (unsigned i = 1; i < TOPK_SLOTS; i++)
		if (certain(t, i) > certain(t, best))
			best = i;
	r->common_permille = permille(certain(t, best), t->total);
	if (r->common_permille)
		memcpy(&r->common, &t->key[best], sizeof(r->common));
	for (unsigned i = 0; i < ARRAY_SIZE(s->ttl); i++) {
		ttl_sum += s->ttl[i];
		if (s->ttl[i] > s->ttl[ttl])
			ttl = i;
	}
	r->common_ttl = (uint8_t)ttl;
	r->common_ttl_permille = permille(s->ttl[ttl], ttl_sum);
}

void sources_report(const struct sources *s, struct sources_report *r)
{
	struct hll distinct = s->window[0].distinct;
	uint64_t n;

	memset(r, 0, sizeof(*r));
	r->syns = s->window[0].syns + s->window[1].syns;
	r->completed = s->window[0].completed + s->window[1].completed;
	hll_merge(&distinct, &s->window[1].distinct);
	n = hll_estimate(&distinct);
	r->distinct = n < r->syns ? (uint32_t)n : r->syns; /* its error aside, there are no more */
	r->entropy_permille = entropy_permille(&s->spread);
	r->retransmitted_permille =
		permille(s->repeats.again, (uint64_t)s->repeats.first + s->repeats.again);
	report_common(s, r);
	report_heavy(&s->address, false, r);
	report_heavy(&s->network, true, r);
}
