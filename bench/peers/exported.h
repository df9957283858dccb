// What export.py wrote for one-row inference, for the peers that are called through C and C++: -DHANDGRAD_MODELS names
// the folder.
#ifndef HANDGRAD_BENCH_PEERS_EXPORTED_H
#define HANDGRAD_BENCH_PEERS_EXPORTED_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// "I1/10-32-1" and ".onnx" to the file's path; the memory is never given back.
static char* exported_path(const char* workload, const char* ending) {
    char* path = (char*)malloc(4096);
    snprintf(path, 4096, "%s/%s%s", HANDGRAD_MODELS, workload + 3, ending);
    return path;
}

static float* exported_floats(const char* workload, const char* ending, long count) {
    float* numbers = (float*)calloc((size_t)count, sizeof *numbers);
    FILE* file = fopen(exported_path(workload, ending), "rb");
    if (!file || fread(numbers, sizeof *numbers, (size_t)count, file) != (size_t)count) {
        fprintf(stderr, "cannot read %s of %s\n", ending, workload);
        exit(1);
    }
    fclose(file);
    return numbers;
}

// Fills check, or error when `got` is not what export.py computed.
static void check_outputs(const float* got, const float* wanted, long count, char* check, char* error) {
    double worst = 0;
    double largest = 0;
    for (long i = 0; i < count; ++i) {
        worst = fmax(worst, fabs((double)got[i] - wanted[i]));
        largest = fmax(largest, fabs((double)wanted[i]));
    }
    if (!(worst < 1e-4 * largest)) {
        snprintf(error, 200, "outputs differ from the reference by %.1e", worst);
    }
    snprintf(check, 100, "agrees with the reference to %.0e", worst / largest);
}

#endif
