/*
 * A library that is loaded before libc and makes one call to a file fail, as a broken or full disk
 * would: the n-th that writes to, or syncs, a file whose path contains a given text. It changes
 * nothing else. Loads through a memory map cannot be seen from here.
 *
 *   FAULT_PATH   a part of the path, as /proc/self/fd has it
 *   FAULT_CALL   "write" (every way to write), "sync" (fsync, fdatasync), "rename" or "truncate"
 *   FAULT_NTH    which call fails, from 1
 *   FAULT_KIND   "eio": that call and none after; "enospc": that call and all after;
 *                "short": that call writes the first half of its bytes, the next one fails with EIO
 *   FAULT_LOG    a file to which a line is added when a call fails
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum verdict { PASS, FAIL, SHORTEN };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long seen;
static int shortened;

static void *next_of(const char *name) { return dlsym(RTLD_NEXT, name); }

static void tell(const char *call, const char *path, int code) {
  const char *log = getenv("FAULT_LOG");
  if (log == NULL) return;
  int file = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  char line[4200];
  int length = snprintf(line, sizeof line, "%s %ld of %s: %s\n", call, seen, path,
                        code == 0 ? "short" : strerror(code));
  ssize_t (*real)(int, const void *, size_t) = next_of("write");
  if (length > 0) (void)!real(file, line, (size_t)length);
  close(file);
}

/* Whether this call is to fail; sets errno when it is. */
static enum verdict judge_path(const char *call, const char *path) {
  const char *part = getenv("FAULT_PATH");
  const char *wanted = getenv("FAULT_CALL");
  const char *nth = getenv("FAULT_NTH");
  const char *kind = getenv("FAULT_KIND");
  if (part == NULL || wanted == NULL || nth == NULL || kind == NULL) return PASS;
  if (strcmp(call, wanted) != 0 || strstr(path, part) == NULL) return PASS;
  enum verdict verdict = PASS;
  int code = 0;
  pthread_mutex_lock(&mutex);
  seen++;
  long from = atol(nth);
  if (strcmp(kind, "enospc") == 0) {
    if (seen >= from) code = ENOSPC;
  } else if (strcmp(kind, "short") == 0 && !shortened) {
    if (seen == from) {
      shortened = 1;
      verdict = SHORTEN;
      tell(call, path, 0);
    }
  } else if (strcmp(kind, "short") == 0) {
    if (seen == from + 1) code = EIO;
  } else if (seen == from) {
    code = EIO;
  }
  if (code != 0) {
    if (strcmp(kind, "enospc") != 0 || seen == from) tell(call, path, code);
    verdict = FAIL;
  }
  pthread_mutex_unlock(&mutex);
  if (code != 0) errno = code;
  return verdict;
}

static enum verdict judge(const char *call, int descriptor) {
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return PASS;
  path[length] = '\0';
  return judge_path(call, path);
}

static size_t half(size_t length) { return length > 1 ? length / 2 : length; }

ssize_t write(int descriptor, const void *bytes, size_t length) {
  static ssize_t (*real)(int, const void *, size_t);
  if (real == NULL) real = next_of("write");
  enum verdict verdict = judge("write", descriptor);
  if (verdict == FAIL) return -1;
  return real(descriptor, bytes, verdict == SHORTEN ? half(length) : length);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t offset) {
  static ssize_t (*real)(int, const void *, size_t, off64_t);
  if (real == NULL) real = next_of("pwrite64");
  enum verdict verdict = judge("write", descriptor);
  if (verdict == FAIL) return -1;
  return real(descriptor, bytes, verdict == SHORTEN ? half(length) : length, offset);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
  return pwrite64(descriptor, bytes, length, offset);
}

/* A vector is shortened to half of its first part. */
static ssize_t write_half(int descriptor, const struct iovec *parts, off64_t offset, int at) {
  ssize_t (*real)(int, const void *, size_t) = next_of("write");
  ssize_t (*real_at)(int, const void *, size_t, off64_t) = next_of("pwrite64");
  if (at) return real_at(descriptor, parts->iov_base, half(parts->iov_len), offset);
  return real(descriptor, parts->iov_base, half(parts->iov_len));
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
  static ssize_t (*real)(int, const struct iovec *, int);
  if (real == NULL) real = next_of("writev");
  enum verdict verdict = judge("write", descriptor);
  if (verdict == FAIL) return -1;
  if (verdict == SHORTEN && count > 0) return write_half(descriptor, parts, 0, 0);
  return real(descriptor, parts, count);
}

ssize_t pwritev64(int descriptor, const struct iovec *parts, int count, off64_t offset) {
  static ssize_t (*real)(int, const struct iovec *, int, off64_t);
  if (real == NULL) real = next_of("pwritev64");
  enum verdict verdict = judge("write", descriptor);
  if (verdict == FAIL) return -1;
  if (verdict == SHORTEN && count > 0) return write_half(descriptor, parts, offset, 1);
  return real(descriptor, parts, count, offset);
}

ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset) {
  return pwritev64(descriptor, parts, count, offset);
}

int fsync(int descriptor) {
  static int (*real)(int);
  if (real == NULL) real = next_of("fsync");
  return judge("sync", descriptor) == PASS ? real(descriptor) : -1;
}

int fdatasync(int descriptor) {
  static int (*real)(int);
  if (real == NULL) real = next_of("fdatasync");
  return judge("sync", descriptor) == PASS ? real(descriptor) : -1;
}

int ftruncate64(int descriptor, off64_t length) {
  static int (*real)(int, off64_t);
  if (real == NULL) real = next_of("ftruncate64");
  return judge("truncate", descriptor) == PASS ? real(descriptor, length) : -1;
}

int ftruncate(int descriptor, off_t length) { return ftruncate64(descriptor, length); }

int rename(const char *from, const char *to) {
  static int (*real)(const char *, const char *);
  if (real == NULL) real = next_of("rename");
  return judge_path("rename", to) == PASS ? real(from, to) : -1;
}
