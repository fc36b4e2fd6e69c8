/* Preloaded into the program under test: moves its clocks, fails its writes and refuses it threads, as the
 * file in MILLRACE_SHIM says. The file is mapped and may change at any time. With MILLRACE_SHIM_USER the program
 * runs as the user with that id. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
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
  int64_t shift_ms;    /* of CLOCK_REALTIME */
  int64_t write_errno; /* of writes below MILLRACE_SHIM_FOLDER; 0: they work */
  int64_t moved;       /* calls answered with a moved clock */
  int64_t failed;      /* writes */
  int64_t what;        /* fails */
  /* Both clocks run this many thousandths of a second per second from these moments on; 0: as they are. */
  int64_t rate, realtime_ns, monotonic_ns;
  int64_t threads; /* that run now, but for the main one */
  int64_t most;    /* of these at any time */
  int64_t allowed; /* of these; 0: any number */
  int64_t refused; /* threads */
};
/* kHalves: nothing fails, but each write takes only half of what it is given. */
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
  control->threads = 0;
  if (below != NULL) snprintf(folder, sizeof folder, "%s", below);
  const char* user = getenv("MILLRACE_SHIM_USER");
  if (user == NULL) return;
  const uid_t id = (uid_t)atoi(user);
  if (setgroups(0, NULL) != 0 || setresgid(id, id, id) != 0 || setresuid(id, id, id) != 0) abort();
}

#define FIND_REAL(result, parameters, name) \
  static result(*real) parameters;          \
  if (real == NULL) real = (result(*) parameters)dlsym(RTLD_NEXT, name)

static int64_t BeginOf(clockid_t id) { return id == CLOCK_REALTIME ? control->realtime_ns : control->monotonic_ns; }
static int64_t ShiftOf(clockid_t id) { return id == CLOCK_REALTIME ? control->shift_ms * 1000000 : 0; }
static int64_t ToNs(const struct timespec* time) { return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec; }
static struct timespec FromNs(int64_t ns) {
  const struct timespec time = {ns / 1000000000, ns % 1000000000};
  return time;
}

static int IsMoved(clockid_t id) {
  if (control == NULL || (id != CLOCK_REALTIME && id != CLOCK_MONOTONIC)) return 0;
  return ShiftOf(id) != 0 || control->rate != 0;
}

/* A deadline of a moved clock, for a kernel whose clock has not moved. */
static struct timespec Unmoved(clockid_t id, const struct timespec* until) {
  if (!IsMoved(id)) return *until;
  const int64_t ns = ToNs(until) - ShiftOf(id), rate = control->rate;
  return FromNs(rate == 0 ? ns : BeginOf(id) + (ns - BeginOf(id)) * 1000 / rate);
}

int clock_gettime(clockid_t id, struct timespec* out) {
  FIND_REAL(int, (clockid_t, struct timespec*), "clock_gettime");
  const int result = real(id, out);
  if (result == 0 && IsMoved(id)) {
    const int64_t ns = ToNs(out), rate = control->rate;
    *out = FromNs((rate == 0 ? ns : BeginOf(id) + (ns - BeginOf(id)) * rate / 1000) + ShiftOf(id));
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

/* librdkafka's way to wait. */
int cnd_timedwait(cnd_t* restrict condition, mtx_t* restrict mutex, const struct timespec* restrict until) {
  FIND_REAL(int, (cnd_t*, mtx_t*, const struct timespec*), "cnd_timedwait");
  const struct timespec deadline = Unmoved(CLOCK_REALTIME, until);
  return real(condition, mutex, &deadline);
}

/* libstdc++'s way to wait. */
int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t id,
                           const struct timespec* until) {
  FIND_REAL(int, (pthread_cond_t*, pthread_mutex_t*, clockid_t, const struct timespec*), "pthread_cond_clockwait");
  const struct timespec deadline = Unmoved(id, until);
  return real(condition, mutex, id, &deadline);
}

/* What a thread runs, and the end of its count. */
struct Body {
  void* (*posix)(void*);
  thrd_start_t c11;
  void* argument;
};

static struct Body* NewBody(void* (*posix)(void*), thrd_start_t c11, void* argument) {
  const int64_t running = __atomic_add_fetch(&control->threads, 1, __ATOMIC_RELAXED);
  if (control->allowed != 0 && running > control->allowed) {
    __atomic_sub_fetch(&control->threads, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&control->refused, 1, __ATOMIC_RELAXED);
    return NULL;
  }
  if (running > control->most) control->most = running;
  struct Body* body = malloc(sizeof *body);
  *body = (struct Body){posix, c11, argument};
  return body;
}

static struct Body TakeBody(void* given) {
  const struct Body body = *(struct Body*)given;
  free(given);
  return body;
}

static void* RunPosix(void* given) {
  const struct Body body = TakeBody(given);
  void* result = body.posix(body.argument);
  __atomic_sub_fetch(&control->threads, 1, __ATOMIC_RELAXED);
  return result;
}

static int RunC11(void* given) {
  const struct Body body = TakeBody(given);
  const int result = body.c11(body.argument);
  __atomic_sub_fetch(&control->threads, 1, __ATOMIC_RELAXED);
  return result;
}

int pthread_create(pthread_t* restrict thread, const pthread_attr_t* restrict attributes, void* (*body)(void*),
                   void* restrict argument) {
  FIND_REAL(int, (pthread_t*, const pthread_attr_t*, void* (*)(void*), void*), "pthread_create");
  if (control == NULL) return real(thread, attributes, body, argument);
  struct Body* ours = NewBody(body, NULL, argument);
  return ours == NULL ? EAGAIN : real(thread, attributes, RunPosix, ours);
}

/* librdkafka's. */
int thrd_create(thrd_t* thread, thrd_start_t body, void* argument) {
  FIND_REAL(int, (thrd_t*, thrd_start_t, void*), "thrd_create");
  if (control == NULL) return real(thread, body, argument);
  struct Body* ours = NewBody(NULL, body, argument);
  return ours == NULL ? thrd_error : real(thread, RunC11, ours);
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
