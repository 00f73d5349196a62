/* Preloaded into a process: its wall clock jumps back and forth by CLOCK_JUMP seconds every CLOCK_EVERY_MS
   milliseconds, as that of a virtual machine does that is moved or whose time is corrected. The monotonic clock, which
   no system turns back, stays as it is. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static int (*real)(clockid_t, struct timespec *);

static long jump(void) {
  struct timespec now;
  const char *by = getenv("CLOCK_JUMP"), *every = getenv("CLOCK_EVERY_MS");
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  real(CLOCK_MONOTONIC, &now);
  long turns = (now.tv_sec * 1000 + now.tv_nsec / 1000000) / (every ? atol(every) : 50);
  return (by ? atol(by) : 0) * (turns % 3 - 1);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  long by = jump();
  int result = real(clock, time);
  if (!result && clock == CLOCK_REALTIME) time->tv_sec += by;
  return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *where) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (where) *where = now.tv_sec;
  return now.tv_sec;
}
