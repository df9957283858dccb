/* Preloaded into a program, lets it run on without memory from each of its allocations on, one after the other, in a child.

At an allocation between the begin of main and its end the process forks: in the child that one fails and no other, and the
child goes on to its end, while the parent waits for it and then goes on itself. So every allocation of a run fails once at
the price of a fork and of what comes after the failure. An allocation whose callers (FAILING_FRAMES of them, 8 unless it is
said) have been met before is left out. FAILING_LOG gets a line a child: the number of the allocation, the exit code (or the
number of a signal + 1000), whether the file FAILING_WATCHED changed though the child failed, and how many files more there
are in the folder. FAILING_RESULTS is a folder in which a child that comes to its end leaves models, which then are removed: to
the parent, which has none yet, they would be those of another run. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);

enum { places = 1 << 17, most_frames = 64, most_seconds = 20 };

static __thread int inside = 0;
static int watching = 0, frames = 8, log_file = -1;
static unsigned long number = 0;
static const char *watched = NULL, *results = NULL;
static uint64_t seen[places];

/* Whether these callers have not been met yet. */
static int is_new_place(void) {
    void* callers[most_frames];
    const int count = backtrace(callers, frames + 2); /* this function and the allocator are two of them */
    uint64_t hash = 14695981039346656037u;
    for (int i = 2; i < count; ++i) {
        hash = (hash ^ (uint64_t)(uintptr_t)callers[i]) * 1099511628211u;
    }
    for (size_t at = hash % places;; at = (at + 1) % places) {
        if (seen[at] == hash) {
            return 0;
        }
        if (seen[at] == 0) {
            seen[at] = hash;
            return 1;
        }
    }
}

static int files_here(void) {
    int count = 0;
    DIR* folder = opendir(".");
    while (folder != NULL && readdir(folder) != NULL) {
        ++count;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return count;
}

/* How many models are in the folder of the results; they are removed if asked for. */
static int models(int removed) {
    int count = 0;
    DIR* folder = results == NULL ? NULL : opendir(results);
    for (struct dirent* entry = NULL; folder != NULL && (entry = readdir(folder)) != NULL;) {
        const char* end = strrchr(entry->d_name, '.');
        if (end != NULL && strcmp(end, ".model") == 0) {
            ++count;
            if (removed) {
                unlinkat(dirfd(folder), entry->d_name, 0);
            }
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return count;
}

static struct stat state_of_watched(void) {
    struct stat info;
    memset(&info, 0, sizeof info);
    if (watched != NULL) {
        stat(watched, &info);
    }
    return info;
}

/* What became of the child that had no memory. */
static void record(pid_t child, const struct stat* before, int files) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    const struct stat after = state_of_watched();
    const int changed = code != 0 && (after.st_ino != before->st_ino || after.st_size != before->st_size ||
                                      after.st_mtim.tv_nsec != before->st_mtim.tv_nsec);
    char line[128];
    const int length = snprintf(line, sizeof line, "%lu %d %d %d\n", number, code, changed, files_here() - files);
    if (write(log_file, line, (size_t)length) != length) {
        abort();
    }
}

static int must_fail(void) {
    if (!watching || inside) {
        return 0;
    }
    inside = 1;
    ++number;
    int fails = 0;
    if (is_new_place()) {
        const struct stat before = state_of_watched();
        const int files = files_here(), before_it = models(0);
        const pid_t child = fork();
        if (child == 0) {
            watching = 0;
            fails = 1;
            alarm(most_seconds);
        } else if (child > 0) {
            record(child, &before, files);
            models(before_it == 0);
        } else {
            abort();
        }
    }
    inside = 0;
    return fails;
}

void* malloc(size_t size) {
    if (must_fail()) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
    if (must_fail()) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) {
    if (must_fail()) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(old, size);
}
void* memalign(size_t alignment, size_t size) {
    if (must_fail()) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void** memory, size_t alignment, size_t size) {
    void* got = memalign(alignment, size);
    if (got == NULL) {
        return ENOMEM;
    }
    *memory = got;
    return 0;
}

typedef int (*main_function)(int, char**, char**);
static main_function real_main;

static int watched_main(int count, char** words, char** environment) {
    void* callers[4];
    backtrace(callers, 4); /* the first time it loads a library */
    const char* said = getenv("FAILING_FRAMES");
    if (said != NULL) {
        frames = atoi(said) < most_frames - 2 ? atoi(said) : most_frames - 2;
    }
    watched = getenv("FAILING_WATCHED");
    results = getenv("FAILING_RESULTS");
    log_file = open(getenv("FAILING_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    watching = log_file >= 0;
    const int code = real_main(count, words, environment);
    watching = 0;
    return code;
}

int __libc_start_main(main_function main, int count, char** words, void (*begin)(void), void (*end)(void),
                      void (*loader_end)(void), void* stack_end) {
    int (*real)(main_function, int, char**, void (*)(void), void (*)(void), void (*)(void), void*);
    real = (int (*)(main_function, int, char**, void (*)(void), void (*)(void), void (*)(void), void*))dlsym(
        RTLD_NEXT, "__libc_start_main");
    real_main = main;
    return real(watched_main, count, words, begin, end, loader_end, stack_end);
}
