/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tcpguardctl/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcpguardctl/text.h"

#define BOLD  "\033[1m"
#define PLAIN "\033[0m"

int table_init(struct table *t, const char *const titles[], bool colour)
{
	memset(t, 0, sizeof(*t));
	t->colour = colour;
	for (; titles[t->n_columns]; t->n_columns++) {
		const char *title = titles[t->n_columns];

		t->right[t->n_columns] = *title == '>';
		t->title[t->n_columns] = title + (*title == '>');
		t->width[t->n_columns] = strlen(t->title[t->n_columns]);
	}
	t->cell = calloc(TABLE_ROWS_KEPT, sizeof(*t->cell));
	return t->cell ? 0 : -ENOMEM;
}

static void print_cell(const struct table *t, int column, const char *text, bool bold)
{
	int pad = (int)(t->width[column] - text_width(text));

	if (column > 0)
		fputs("  ", stdout);
	if (t->right[column])
		printf("%*s", pad, "");
	if (bold && t->colour)
		printf(BOLD "%s" PLAIN, text);
	else
		fputs(text, stdout);
	if (!t->right[column] && column + 1 < t->n_columns)
		printf("%*s", pad, "");
}

static void flush(struct table *t)
{
	for (int c = 0; c < t->n_columns && !t->header_done; c++)
		print_cell(t, c, t->title[c], false);
	if (!t->header_done)
		putchar('\n');
	t->header_done = true;
	for (int r = 0; r < t->n_rows; r++) {
		for (int c = 0; c < t->n_columns; c++) {
			struct table_cell *cell = &t->cell[r][c];

			print_cell(t, c, cell->rest ? cell->rest : cell->text, cell->bold);
			free(cell->rest);
			cell->rest = NULL;
		}
		putchar('\n');
	}
	t->n_rows = 0;
}

void table_cell(struct table *t, const char *text, bool bold)
{
	struct table_cell *cell = &t->cell[t->n_rows][t->column];
	size_t len = strlen(text), width;

	text_clean(cell->text, sizeof(cell->text), text);
	cell->bold = bold;
	if (len >= sizeof(cell->text) && t->column + 1 == t->n_columns) {
		cell->rest = malloc(len + 1);
		if (cell->rest)
			text_clean(cell->rest, len + 1, text);
	}
	width = text_width(cell->rest ? cell->rest : cell->text);
	if (width > t->width[t->column])
		t->width[t->column] = width;
	if (++t->column < t->n_columns)
		return;
	t->column = 0;
	if (++t->n_rows == TABLE_ROWS_KEPT)
		flush(t);
}

void table_end(struct table *t, bool header_anyway)
{
	if (header_anyway || t->n_rows > 0)
		flush(t);
	free(t->cell);
	t->cell = NULL;
}
