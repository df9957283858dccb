// What the peers in C and C++ share: a worker process that is asked over standard input and times one stretch at a
// time, as worker.py does for the peers in Python.
#ifndef HANDGRAD_BENCH_PEERS_RUNNER_H
#define HANDGRAD_BENCH_PEERS_RUNNER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void (*run_function)(void* state, long steps);

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double timed(run_function run, void* state, long steps) {
    const double start = now();
    run(state, steps);
    return now() - start;
}

static double stretch(void) {
    const char* seconds = getenv("HANDGRAD_STRETCH");
    return seconds ? atof(seconds) : 0.2;
}

// How many steps take a stretch.
static long steps_for(run_function run, void* state) {
    long steps = 1;
    run(state, 1);
    for (;;) {
        const double taken = timed(run, state, steps);
        if (taken >= stretch()) {
            return steps;
        }
        const double grow = taken > 0 ? 1.1 * stretch() / taken : 10;
        const long next = (long)((double)steps * (grow < 10 ? grow : 10));
        steps = next > steps ? next : steps + 1;
    }
}

// Seconds a step, by a stretch that is never shorter than it is said to be: when it is, as the machine was slower when
// the steps were chosen, there are more of them from then on.
static double seconds_of_step(run_function run, void* state, long* steps) {
    for (;;) {
        const double taken = timed(run, state, *steps);
        if (taken >= stretch()) {
            return taken / (double)*steps;
        }
        *steps = (long)(1.1 * stretch() / (taken > 0.2 * stretch() ? taken : 0.2 * stretch()) * (double)*steps) + 1;
    }
}

// For choosing the faster of two ways.
static inline double seconds_by(run_function run, void* state) {
    long steps = steps_for(run, state) / 4 + 1;
    double least = 1e9;
    for (int i = 0; i < 3; ++i) {
        const double seconds = timed(run, state, steps) / (double)steps;
        least = seconds < least ? seconds : least;
    }
    return least;
}

// Fills answer.check and state for a workload, or answer.error.
struct prepared {
    run_function run;
    void* state;
    double per;  // what one step is divided into: elements of an array
    char setting[100], check[100], error[200];
};

static void serve(void (*prepare)(const char* workload, struct prepared* answer), const char* versions) {
    char line[200];
    struct prepared now_prepared[16];
    char names[16][64];
    long steps[16];
    int count = 0;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        char* workload = strchr(line, ' ');
        if (workload) {
            *workload++ = 0;
        }
        int found = 0;
        while (workload && found < count && strcmp(names[found], workload) != 0) {
            ++found;
        }
        if (!workload) {
            printf("%s\n", versions);
        } else if (strcmp(line, "prepare") == 0 && (found < count || count < 16)) {
            struct prepared* p = &now_prepared[found];
            memset(p, 0, sizeof *p);
            p->per = 1;
            prepare(workload, p);
            if (p->error[0] || !p->run) {
                printf("{\"error\": \"%s\"}\n", p->error[0] ? p->error : "no such workload");
            } else {
                snprintf(names[found], sizeof names[found], "%s", workload);
                steps[found] = steps_for(p->run, p->state);
                count += found == count;
                printf("{\"setting\": \"%s\", \"check\": \"%s\"}\n", p->setting, p->check);
            }
        } else if (strcmp(line, "measure") == 0 && found < count) {
            struct prepared* p = &now_prepared[found];
            printf("{\"seconds\": %.9e}\n", seconds_of_step(p->run, p->state, &steps[found]) / p->per);
        } else if (strcmp(line, "release") == 0) {
            printf("{}\n");  // what there is to drop is small
        } else {
            printf("{\"error\": \"cannot %s %s\"}\n", line, workload);
        }
        fflush(stdout);
    }
}

// Numbers in -1 … 1, the same on every run.
static inline double random_number(void) {
    static unsigned long long state = 88172645463325252ULL;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / (double)(1ULL << 52) - 1;
}

#endif
