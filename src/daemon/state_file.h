/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small files in the state directory, for what outlives the daemon. Each is replaced as a whole: a
 * reader, or the daemon after a power cut, finds the old one or the new one, never a half of it.
 *
 * To be used by the main thread only: fsync() may take as long as the disk likes. A function that
 * fails fills @why (@why_len bytes) with one sentence that names the file, and logs nothing itself.
 */
#ifndef TCPGUARD_DAEMON_STATE_FILE_H
#define TCPGUARD_DAEMON_STATE_FILE_H

#include "base/types.h"

#define STATE_FILE_MAX	    (4 * 1024 * 1024) /* bytes, of what is written and of what is read */
#define STATE_FILE_PATH_MAX 512 /* of DIR/NAME, with its terminating zero */

/*
 * state_dir_make() - see that the directory @dir is there; made (0750) if only its last component is
 * missing.
 * Return: 0 or a negative errno with @why filled.
 */
int state_dir_make(const char *dir, char *why, size_t why_len);

/* dir_is_anybodys() - may everybody write to @dir, and put something else in place of what others have there? */
bool dir_is_anybodys(const char *dir);

/*
 * state_dir_lock() - make @dir one's own as long as the daemon lives, so that two of them do not mix
 * what they remember. @dir is made as by state_dir_make().
 * Return: a descriptor for state_dir_unlock(), or a negative errno with @why filled.
 */
int state_dir_lock(const char *dir, char *why, size_t why_len);
void state_dir_unlock(int lock); /* negative: nothing happens */

/*
 * state_file_write() - put @len bytes in place of what @dir/@name had: a temporary file beside it,
 * fsync(), rename(), fsync() of the directory. Mode 0600. @dir is made as by state_dir_make().
 * @name: without a slash.
 * Return: 0, or a negative errno with @why filled; then the old file is as it was.
 */
int state_file_write(const char *dir, const char *name, const void *data, size_t len, char *why,
		     size_t why_len);

/*
 * state_file_read() - the whole of @dir/@name.
 * @max: a file of more bytes is refused with -EFBIG; at most STATE_FILE_MAX.
 * @data: set to what free() releases, with a zero behind the last byte (not counted in @len); NULL
 *	after an error.
 * Return: 0; -ENOENT if there is none (@why is filled, but that is no reason to complain); or another
 * negative errno: not a regular file, not readable, too large.
 */
int state_file_read(const char *dir, const char *name, size_t max, char **data, size_t *len,
		    char *why, size_t why_len);

#endif
