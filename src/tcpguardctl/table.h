/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Aligned columns in bounded memory: the first rows are kept until the widths are known, then
 * everything goes out as it comes, and columns only widen.
 */
#ifndef TCPGUARD_TCPGUARDCTL_TABLE_H
#define TCPGUARD_TCPGUARDCTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#define TABLE_COLUMNS_MAX 16
#define TABLE_ROWS_KEPT	  256
#define TABLE_CELL_MAX	  96 /* bytes; longer text is cut, but not in the last column */

struct table {
	int n_columns, n_rows, column;
	bool header_done, colour;
	bool right[TABLE_COLUMNS_MAX];
	size_t width[TABLE_COLUMNS_MAX];
	const char *title[TABLE_COLUMNS_MAX];
	struct table_cell {
		char text[TABLE_CELL_MAX];
		char *rest; /* the whole text if it is longer; owned */
		bool bold;
	} (*cell)[TABLE_COLUMNS_MAX]; /* [TABLE_ROWS_KEPT] */
};

/*
 * table_init() - @titles: NULL-terminated, borrowed; one that begins with '>' is aligned right.
 * Return: 0 or -ENOMEM.
 */
int table_init(struct table *t, const char *const titles[], bool colour);

/* table_cell() - the next cell of the row; after the last one the row is complete. */
void table_cell(struct table *t, const char *text, bool bold);

/* table_end() - print what is kept, with @header_anyway the header even without rows, and free. */
void table_end(struct table *t, bool header_anyway);

#endif
