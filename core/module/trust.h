/* SPDX-License-Identifier: MIT */
/*
 * Which files and directories may be believed: those that nobody but the user and root can change.
 * Checks are made of what is open, never of a path, so that nothing can be put in its place between
 * the check and the use.
 */
#ifndef TENON_CORE_TRUST_H
#define TENON_CORE_TRUST_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/*
 * The program runs with rights that its caller does not have (setuid, capabilities of the file;
 * AT_SECURE of getauxval(3)). Then the environment does not count, and only root and the user that
 * the program runs as may be able to write what is believed.
 */
bool tn_trust_privileged(void);

/* Opens a directory for reading. The file descriptor, or -1 with an error. */
int tn_trust_open_directory(const char *path, GError **error);

/*
 * Opens a regular file of an open directory for reading. A symbolic link is followed step by step,
 * and each directory that it leads through to a file is checked as well. `file` has no slash.
 * `size` (may be NULL) is set to its bytes. The error speaks of the file as "it". -1 on failure.
 */
int tn_trust_open_file(int directory, const char *file, uint64_t *size, GError **error);

/*
 * Examines a file of an open directory without opening it. True, and `st` is set, when it is a
 * regular file itself, no link, that everyone may read and tn_trust_open_file would open.
 */
bool tn_trust_examine_file(int directory, const char *file, struct stat *st);

/* Root, the user that the program runs as, or the owner of an open directory owns the open file. */
bool tn_trust_is_owned(int directory, int fd);

#endif
