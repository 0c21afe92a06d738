/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/history_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILE_MODE 0600

static int path_of(const struct history_file *f, const char *suffix, char path[STATE_FILE_PATH_MAX])
{
	int n = snprintf(path, STATE_FILE_PATH_MAX, "%s/%s%s", f->dir, f->name, suffix);

	return n < STATE_FILE_PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* give_lines() - a line without its line feed is one that was torn; too long a one is not ours. */
static void give_lines(char *data, size_t len, history_line_fn *line, void *arg)
{
	char *at = data, *end;

	while ((end = memchr(at, '\n', len - (size_t)(at - data)))) {
		*end = '\0';
		if (end > at && end - at < HISTORY_LINE_MAX)
			line(arg, at, (size_t)(end - at));
		at = end + 1;
	}
}

static int load_one(const struct history_file *f, const char *suffix, history_line_fn *line,
		    void *arg, char *why, size_t why_len)
{
	char name[64], *data;
	size_t len;
	int rc;

	snprintf(name, sizeof(name), "%s%s", f->name, suffix);
	rc = state_file_read(f->dir, name, STATE_FILE_MAX, &data, &len, why, why_len);
	if (rc == 0)
		give_lines(data, len, line, arg);
	free(data);
	return rc == -ENOENT ? 0 : rc;
}

int history_file_load(const struct history_file *f, history_line_fn *line, void *arg, char *why,
		      size_t why_len)
{
	char other[256];
	int old = load_one(f, ".1", line, arg, why, why_len);
	int now = load_one(f, "", line, arg, old < 0 ? other : why,
			   old < 0 ? sizeof(other) : why_len);

	return old < 0 ? old : now;
}

/* put_line() - behind a line feed of its own if the last line was torn. Return: 0 or an errno. */
static int put_line(int fd, off_t size, const char *text, size_t len)
{
	char last = '\n';
	struct iovec iov[3] = {{(void *)"\n", 1}, {(void *)text, len}, {(void *)"\n", 1}};
	int first, error;
	ssize_t wanted, n;

	if (size > 0 && pread(fd, &last, 1, size - 1) != 1)
		return EIO;
	first = last == '\n';
	wanted = (ssize_t)len + 2 - first;
	n = writev(fd, iov + first, 3 - first);
	if (n == wanted)
		return 0;
	error = n < 0 ? errno : ENOSPC;
	if (n > 0 && ftruncate(fd, size) != 0)
		return errno; /* a torn line, then: the next one begins anew */
	return error;
}

/* rotate() - Return: 0 or an errno. */
static int rotate(const struct history_file *f, const char *path)
{
	char old[STATE_FILE_PATH_MAX];
	int rc = path_of(f, ".1", old);

	if (rc < 0)
		return -rc;
	return rename(path, old) == 0 ? 0 : errno;
}

static int open_log(const char *path, struct stat *st)
{
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		      FILE_MODE);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, st) != 0)
		error = errno;
	else if (!S_ISREG(st->st_mode))
		error = EINVAL;
	if (error)
		close(fd);
	return error ? -error : fd;
}

/* append() - Return: 0 or a negative errno. */
static int append(const struct history_file *f, const char *path, const char *text, size_t len)
{
	struct stat st = {0};
	int fd = open_log(path, &st), error;

	if (fd >= 0 && st.st_size > 0 && (size_t)st.st_size + len + 2 > f->max) {
		error = rotate(f, path);
		close(fd);
		if (error)
			return -error;
		fd = open_log(path, &st);
	}
	if (fd < 0)
		return fd;
	error = put_line(fd, st.st_size, text, len);
	close(fd);
	return -error;
}

int history_file_append(const struct history_file *f, const char *text, size_t len, char *why,
			size_t why_len)
{
	char path[STATE_FILE_PATH_MAX];
	int rc = state_dir_make(f->dir, why, why_len);

	if (rc < 0)
		return rc;
	rc = path_of(f, "", path);
	if (rc == 0)
		rc = len < HISTORY_LINE_MAX ? append(f, path, text, len) : -EMSGSIZE;
	if (rc < 0)
		snprintf(why, why_len, "cannot write %s/%s: %s", f->dir, f->name, strerror(-rc));
	return rc;
}
