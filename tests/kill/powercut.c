/* Notes what a power cut would leave: preloaded into the server, it writes down how much of each file has been synced.
 *
 * A kill -9 loses nothing that reached the page cache, so it can not tell a synced commit from an unsynced one. After the kill the
 * harness cuts every file back to the length noted here: what is then missing was acknowledged without being on disk.
 * POWERCUT_ROOT  only files below this folder
 * POWERCUT_LOG   where to write: "S <bytes> <path>" after a sync, "R <old>\t<new>" after a rename
 * POWERCUT_SKIP  a path: while it exists, fsync and fdatasync do nothing and say that all went well (the fault that the harness must find)
 * POWERCUT_FAIL  "<call> <n>": the n-th sync, write or rename below the root fails with EIO (ENOSPC for write)
 * Limits: bytes overwritten in place are not brought back, and lost directory entries are not simulated. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int log_fd = -1;
static const char *root, *skip;
static char fail_call[16];
static long fail_at;
static atomic_long calls;

static ssize_t (*real_write)(int, const void *, size_t);

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("POWERCUT_LOG"), *fail = getenv("POWERCUT_FAIL");
    real_write = next("write");
    root = getenv("POWERCUT_ROOT");
    skip = getenv("POWERCUT_SKIP");
    if (fail) sscanf(fail, "%15s %ld", fail_call, &fail_at);
    if (path && root) log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* The path of a descriptor when it is a regular file or folder below the root. */
static int below(int fd, char *path, size_t size) {
    char link[64];
    if (log_fd < 0 || fd == log_fd) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return strncmp(path, root, strlen(root)) == 0;
}

static void note(const char *line) {
    if (real_write(log_fd, line, strlen(line)) < 0) abort();
}

static int must_fail(const char *call) {
    return fail_at > 0 && strcmp(call, fail_call) == 0 && atomic_fetch_add(&calls, 1) + 1 == fail_at;
}

static int synced(int fd, const char *name) {
    char path[3000], line[3100];
    struct stat before;
    int (*real)(int) = next(name);
    if (!below(fd, path, sizeof path)) return real(fd);
    if (must_fail("sync")) {
        note("F sync\n");
        errno = EIO;
        return -1;
    }
    if (skip && access(skip, F_OK) == 0) return 0;
    /* what is written while the sync runs is not promised by it: take the length from before */
    int known = fstat(fd, &before) == 0 && S_ISREG(before.st_mode);
    int result = real(fd);
    if (result == 0 && known) {
        snprintf(line, sizeof line, "S %lld %s\n", (long long)before.st_size, path);
        note(line);
    }
    return result;
}

int fsync(int fd) { return synced(fd, "fsync"); }
int fdatasync(int fd) { return synced(fd, "fdatasync"); }

int rename(const char *old, const char *new) {
    char line[6200];
    int (*real)(const char *, const char *) = next("rename");
    int ours = log_fd >= 0 && strncmp(new, root, strlen(root)) == 0;
    if (ours && must_fail("rename")) {
        note("F rename\n");
        errno = EIO;
        return -1;
    }
    int result = real(old, new);
    if (result == 0 && ours) {
        snprintf(line, sizeof line, "R %s\t%s\n", old, new);
        note(line);
    }
    return result;
}

static int write_fails(int fd) {
    char path[3000];
    /* cheap test first: this is on the path of every log line and socket write */
    if (fail_at <= 0 || strcmp("write", fail_call) != 0 || !below(fd, path, sizeof path) || !must_fail("write")) return 0;
    note("F write\n");
    errno = ENOSPC;
    return 1;
}

/* A failing write first writes half: a full disk leaves torn records. */
ssize_t write(int fd, const void *bytes, size_t count) {
    if (!real_write) real_write = next("write");
    if (write_fails(fd)) {
        if (count > 1 && real_write(fd, bytes, count / 2) < 0) return -1;
        errno = ENOSPC;
        return -1;
    }
    return real_write(fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = next("pwrite64");
    if (write_fails(fd)) return -1;
    return real(fd, bytes, count, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    ssize_t (*real)(int, const struct iovec *, int) = next("writev");
    if (write_fails(fd)) return -1;
    return real(fd, parts, count);
}
