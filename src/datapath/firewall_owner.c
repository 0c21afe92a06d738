/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/firewall_owner.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "datapath/firewall_rules.h"
#include "datapath/tool.h"

#define QUEUES	   "/proc/net/netfilter/nfnetlink_queue"
#define TEXT_BYTES (256u << 10)

/* has_owner() - the number of each queue that is open stands at the beginning of a line. */
static bool has_owner(const char *queues, unsigned long number)
{
	for (const char *line = queues; line && *line;) {
		char *end;

		if (strtoul(line, &end, 10) == number && end != line)
			return true;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return false;
}

int firewall_owner_in(const char *rules, const char *queues, uint32_t first, uint32_t n)
{
	/* iptables; nft says "queue num 100", "queue num 100-101" or "queue flags bypass to 100" */
	static const char *const words[] = {"--queue-num ", "--queue-balance ", "queue num ",
					    " to "};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *at = rules;

		while ((at = strstr(at, words[i]))) {
			unsigned long number;
			char *end;

			at += strlen(words[i]);
			number = strtoul(at, &end, 10);
			if (end != at && number <= UINT16_MAX && number - first >= n &&
			    has_owner(queues, number))
				return (int)number;
		}
	}
	return FIREWALL_NO_OWNER;
}

/* read_queues() - Return: false if the kernel does not tell; then nothing is known of owners. */
static bool read_queues(char *text, size_t len)
{
	FILE *f = fopen(QUEUES, "re");
	size_t n;

	if (!f)
		return false;
	n = fread(text, 1, len - 1, f);
	text[n] = '\0';
	fclose(f);
	return n > 0;
}

int firewall_owner(uint32_t first, uint32_t n)
{
	static const char *const lists[][6] = {
		{"iptables", "-t", "raw", "-S", FIREWALL_CHAIN_PRE, NULL},
		{"ip6tables", "-t", "raw", "-S", FIREWALL_CHAIN_PRE, NULL},
		{"nft", "list", "table", "inet", FIREWALL_TABLE, NULL},
	};
	char *queues = malloc(TEXT_BYTES), *rules = malloc(TEXT_BYTES), error[TOOL_ERROR_MAX];
	int owner = FIREWALL_NO_OWNER;

	if (queues && rules && read_queues(queues, TEXT_BYTES)) {
		for (size_t i = 0; i < ARRAY_SIZE(lists) && owner == FIREWALL_NO_OWNER; i++) {
			if (tool_read(lists[i], rules, TEXT_BYTES, error) == 0)
				owner = firewall_owner_in(rules, queues, first, n);
		}
	}
	free(queues);
	free(rules);
	return owner;
}
