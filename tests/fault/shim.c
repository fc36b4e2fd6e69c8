/* Preloaded into the program under test: moves its wall clock and fails its writes, as the file in
 * MILLRACE_SHIM says.
 *
 * The file is mapped and may change at any time: int64 shift of CLOCK_REALTIME in ms, int64 errno for writes
 * below MILLRACE_SHIM_FOLDER (0: none), int64 calls answered with a moved clock, int64 writes failed, int64
 * what fails: 0 everything, 1 only fsync, 2 nothing, but each write takes only half of what it is given. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

struct Control {
  int64_t shift_ms, write_errno, moved, failed, what;
};
enum { kEverything, kSyncs, kHalves };

static volatile struct Control* control;
static char folder[4096];

__attribute__((constructor)) static void Begin(void) {
  const char* path = getenv("MILLRACE_SHIM");
  const char* below = getenv("MILLRACE_SHIM_FOLDER");
  if (path == NULL) return;
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) abort();
  control = mmap(NULL, sizeof(struct Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (control == MAP_FAILED) abort();
  if (below != NULL) snprintf(folder, sizeof folder, "%s", below);
}

int clock_gettime(clockid_t id, struct timespec* out) {
  static int (*real)(clockid_t, struct timespec*);
  if (real == NULL) real = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
  const int result = real(id, out);
  if (result == 0 && id == CLOCK_REALTIME && control != NULL && control->shift_ms != 0) {
    int64_t ns = (int64_t)out->tv_nsec + control->shift_ms % 1000 * 1000000;
    out->tv_sec += control->shift_ms / 1000 + (ns >= 1000000000) - (ns < 0);
    out->tv_nsec = (ns + 1000000000) % 1000000000;
    __atomic_add_fetch(&control->moved, 1, __ATOMIC_RELAXED);
  }
  return result;
}

int gettimeofday(struct timeval* restrict out, void* restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

/* librdkafka's way to wait. Its deadline was made from the moved clock, for a kernel whose clock has not
 * moved. */
int cnd_timedwait(cnd_t* restrict condition, mtx_t* restrict mutex, const struct timespec* restrict until) {
  static int (*real)(cnd_t*, mtx_t*, const struct timespec*);
  if (real == NULL) real = (int (*)(cnd_t*, mtx_t*, const struct timespec*))dlsym(RTLD_NEXT, "cnd_timedwait");
  struct timespec deadline = *until;
  if (control != NULL) deadline.tv_sec -= control->shift_ms / 1000;
  return real(condition, mutex, &deadline);
}

/* Whether this call on a file of the folder is to go wrong. */
static int IsHit(int fd) {
  char link[64], path[4096];
  if (control == NULL || control->write_errno == 0 || folder[0] == 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = 0;
  if (strncmp(path, folder, strlen(folder)) != 0) return 0;
  __atomic_add_fetch(&control->failed, 1, __ATOMIC_RELAXED);
  errno = (int)control->write_errno;
  return 1;
}

static int WriteFails(int fd) { return control != NULL && control->what == kEverything && IsHit(fd); }
static int SyncFails(int fd) { return control != NULL && control->what != kHalves && IsHit(fd); }
static size_t SizeOf(int fd, size_t size) {
  return control != NULL && control->what == kHalves && size > 1 && IsHit(fd) ? size / 2 : size;
}

#define FIND_REAL(result, parameters, name) \
  static result(*real) parameters;          \
  if (real == NULL) real = (result(*) parameters)dlsym(RTLD_NEXT, name)

ssize_t write(int fd, const void* data, size_t size) {
  FIND_REAL(ssize_t, (int, const void*, size_t), "write");
  return WriteFails(fd) ? -1 : real(fd, data, SizeOf(fd, size));
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  FIND_REAL(ssize_t, (int, const void*, size_t, off64_t), "pwrite64");
  return WriteFails(fd) ? -1 : real(fd, data, SizeOf(fd, size), at);
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }

int fsync(int fd) {
  FIND_REAL(int, (int), "fsync");
  return SyncFails(fd) ? -1 : real(fd);
}

int fdatasync(int fd) {
  FIND_REAL(int, (int), "fdatasync");
  return SyncFails(fd) ? -1 : real(fd);
}
