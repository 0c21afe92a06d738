/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plain main() for fuzz targets: runs every file named, and every file in the directories named,
 * through LLVMFuzzerTestOneInput(). Says how many; a finding ends it as it would end the fuzzer.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define INPUT_MAX (1 << 20)

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *buf = malloc(INPUT_MAX), *exact;
	size_t n;

	if (!f || !buf) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(EXIT_FAILURE);
	}
	n = fread(buf, 1, INPUT_MAX, f);
	fclose(f);
	exact = malloc(n ? n : 1);
	if (exact) {
		memcpy(exact, buf, n);
		LLVMFuzzerTestOneInput(exact, n);
	}
	free(exact);
	free(buf);
	return 1;
}

/* run_path() - a file, or the files of a directory. Return: how many were run. */
static int run_path(const char *path)
{
	DIR *dir = opendir(path);
	char name[4096];
	struct dirent *entry;
	struct stat st;
	int n = 0;

	if (!dir)
		return run_file(path);
	while ((entry = readdir(dir))) {
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (stat(name, &st) == 0 && S_ISREG(st.st_mode))
			n += run_file(name);
	}
	closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	int i, n = 0;

	for (i = 1; i < argc; i++)
		n += run_path(argv[i]);
	printf("%d inputs\n", n);
	return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
