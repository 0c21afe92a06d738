/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0600
#define DIR_MODE  0750

/* refuse() - Return: -@error, with @why saying what could not be done to which file. */
static int refuse(const char *what, const char *path, int error, char *why, size_t why_len)
{
	const char *advice = error == ENOSPC || error == EDQUOT ? "; make room there"
			     : error == EACCES || error == EPERM || error == EROFS
				     ? "; let tcpguardd write there, or name another state-dir"
				     : "";

	snprintf(why, why_len, "cannot %s %s: %s%s", what, path, strerror(error), advice);
	return -error;
}

/* join() - @path becomes "DIR/" and then prefix, name and suffix. Return: 0 or -ENAMETOOLONG. */
static int join(char path[STATE_FILE_PATH_MAX], const char *dir, const char *prefix,
		const char *name, const char *suffix, char *why, size_t why_len)
{
	int n = snprintf(path, STATE_FILE_PATH_MAX, "%s/%s%s%s", dir, prefix, name, suffix);

	return n < STATE_FILE_PATH_MAX ? 0 : refuse("use", dir, ENAMETOOLONG, why, why_len);
}

int state_dir_make(const char *dir, char *why, size_t why_len)
{
	struct stat st;

	if (mkdir(dir, DIR_MODE) == 0)
		return 0;
	if (errno != EEXIST)
		return refuse("make the directory", dir, errno, why, why_len);
	if (stat(dir, &st) != 0)
		return refuse("use the directory", dir, errno, why, why_len);
	return S_ISDIR(st.st_mode) ? 0 : refuse("use the directory", dir, ENOTDIR, why, why_len);
}

bool dir_is_anybodys(const char *dir)
{
	struct stat st;

	return stat(dir, &st) == 0 && (st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX);
}

int state_dir_lock(const char *dir, char *why, size_t why_len)
{
	char path[STATE_FILE_PATH_MAX];
	int fd, rc = join(path, dir, "", ".lock", "", why, why_len);

	if (rc == 0)
		rc = state_dir_make(dir, why, why_len);
	if (rc < 0)
		return rc;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0)
		return refuse("use", path, errno, why, why_len);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	rc = -errno;
	close(fd);
	if (rc == -EWOULDBLOCK)
		snprintf(why, why_len,
			 "another tcpguardd uses %s; give each a state-dir of its own", dir);
	else
		refuse("lock", path, -rc, why, why_len);
	return rc;
}

void state_dir_unlock(int lock)
{
	if (lock >= 0)
		close(lock);
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* write_temporary() - a new file @path with all of @data on the disk. Return: 0 or a negative errno. */
static int write_temporary(const char *path, const void *data, size_t len)
{
	int fd, rc;

	unlink(path); /* of a daemon that died just here */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0)
		return -errno;
	rc = write_all(fd, data, len);
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc < 0)
		unlink(path);
	return rc;
}

/* sync_directory() - so that the new name is on the disk, too. Not every file system can. */
static void sync_directory(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!fsync(fd);
	close(fd);
}

int state_file_write(const char *dir, const char *name, const void *data, size_t len, char *why,
		     size_t why_len)
{
	char path[STATE_FILE_PATH_MAX], temporary[STATE_FILE_PATH_MAX];
	int rc = join(path, dir, "", name, "", why, why_len);

	if (rc == 0)
		rc = join(temporary, dir, ".", name, ".new", why, why_len);
	if (rc == 0)
		rc = state_dir_make(dir, why, why_len);
	if (rc < 0)
		return rc;
	if (len > STATE_FILE_MAX)
		return refuse("write", path, EFBIG, why, why_len);
	rc = write_temporary(temporary, data, len);
	if (rc == 0 && rename(temporary, path) != 0) {
		rc = -errno;
		unlink(temporary);
	}
	if (rc < 0)
		return refuse("write", path, -rc, why, why_len);
	sync_directory(dir);
	return 0;
}

/* read_all() - at most @max bytes of @fd into a new buffer. Return: 0 or a negative errno. */
static int read_all(int fd, size_t max, char **data, size_t *len)
{
	char *buf = malloc(max + 2); /* one to see that there is more, one for the zero */
	size_t used = 0;
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	do {
		n = read(fd, buf + used, max + 1 - used);
		if (n < 0 && errno != EINTR) {
			int error = errno;

			free(buf);
			return -error;
		}
		used += n > 0 ? (size_t)n : 0;
	} while (n != 0 && used <= max);
	if (used > max) {
		free(buf);
		return -EFBIG;
	}
	buf[used] = '\0';
	*data = buf;
	*len = used;
	return 0;
}

int state_file_read(const char *dir, const char *name, size_t max, char **data, size_t *len,
		    char *why, size_t why_len)
{
	char path[STATE_FILE_PATH_MAX];
	struct stat st;
	int fd, rc = join(path, dir, "", name, "", why, why_len);

	*data = NULL;
	*len = 0;
	if (rc < 0)
		return rc;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return refuse("read", path, errno, why, why_len);
	if (fstat(fd, &st) != 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = -EINVAL;
	else
		rc = read_all(fd, max < STATE_FILE_MAX ? max : STATE_FILE_MAX, data, len);
	close(fd);
	return rc < 0 ? refuse("read", path, -rc, why, why_len) : 0;
}
