/* Preloaded into a process: its fsync and fdatasync fail once with EIO, or take longer, as those of a bad disk.

   FSYNC_ON: a part of the file's path, FSYNC_END: its end; other files are left alone. FSYNC_LOG: a file that gets one
   line per sync.
   FSYNC_FAIL_AT: the number of the sync that fails, from 1. FSYNC_DELAY_US: microseconds added to each sync. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int syncs;

static int synced(int fd, const char *call) {
  char link[64], path[4096], line[4200];
  const char *on = getenv("FSYNC_ON"), *end = getenv("FSYNC_END"), *log = getenv("FSYNC_LOG");
  const char *fail_at = getenv("FSYNC_FAIL_AT"), *delay = getenv("FSYNC_DELAY_US");
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, call);
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  path[length < 0 ? 0 : length] = 0;
  if (on && !strstr(path, on)) return real(fd);
  if (end && (strlen(path) < strlen(end) || strcmp(path + strlen(path) - strlen(end), end))) return real(fd);
  int number = atomic_fetch_add(&syncs, 1) + 1;
  int fails = fail_at && atoi(fail_at) == number;
  if (log) {
    int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int size = snprintf(line, sizeof line, "%s%s\n", path, fails ? " failed" : "");
    if (file >= 0 && write(file, line, size) == size) close(file);
  }
  if (delay) usleep(atoi(delay));
  if (fails) { errno = EIO; return -1; }
  return real(fd);
}

int fsync(int fd) { return synced(fd, "fsync"); }
int fdatasync(int fd) { return synced(fd, "fdatasync"); }
