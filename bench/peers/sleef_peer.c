// SLEEF: its elementary functions on arrays that fit the first-level cache, eight floats a call, AVX2. Its
// deterministic variants (finz) give the same bits wherever there is fused multiply-add; u10: at most 1.0 ulp off.
#include <immintrin.h>
#include <math.h>
#include <sleef.h>

#include "runner.h"

enum { elements = 2048 };

struct arrays {
    __m256 x[elements / 8], y[elements / 8];
};

#define ONE_PLUS(v) _mm256_add_ps(_mm256_set1_ps(1), v)
#define SIGMOID(v) \
    _mm256_div_ps(_mm256_set1_ps(1), ONE_PLUS(Sleef_finz_expf8_u10avx2(_mm256_sub_ps(_mm256_setzero_ps(), v))))

#define RUN(name, call)                                 \
    static void name(void* state, long steps) {         \
        struct arrays* a = (struct arrays*)state;       \
        for (long step = 0; step < steps; ++step) {     \
            for (int i = 0; i < elements / 8; ++i) {    \
                a->y[i] = call(a->x[i]);                \
            }                                           \
            __asm__ volatile("" : : "r"(a) : "memory"); \
        }                                               \
    }

RUN(run_exp, Sleef_finz_expf8_u10avx2)
RUN(run_log, Sleef_finz_logf8_u10avx2)
RUN(run_tanh, Sleef_finz_tanhf8_u10avx2)
RUN(run_erf, Sleef_finz_erff8_u10avx2)
RUN(run_log1p, Sleef_finz_log1pf8_u10avx2)
RUN(run_expm1, Sleef_finz_expm1f8_u10avx2)
RUN(run_sigmoid, SIGMOID)

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static const struct {
    const char* id;
    run_function run;
    double (*truth)(double);
    double low, high;
} functions[] = {{"E/exp", run_exp, exp, -20, 20},
                 {"E/log", run_log, log, 1e-3, 1e3},
                 {"E/tanh", run_tanh, tanh, -8, 8},
                 {"E/erf", run_erf, erf, -4, 4},
                 {"E/log1p", run_log1p, log1p, 0, 100},
                 {"E/expm1", run_expm1, expm1, -20, 20},
                 {"E/sigmoid", run_sigmoid, sigmoid, -20, 20}};

static void prepare(const char* workload, struct prepared* answer) {
    struct arrays* a = (struct arrays*)aligned_alloc(32, sizeof *a);
    for (size_t f = 0; f < sizeof functions / sizeof *functions; ++f) {
        if (strcmp(workload, functions[f].id) != 0) {
            continue;
        }
        float* x = (float*)a->x;
        const float* y = (const float*)a->y;
        for (int i = 0; i < elements; ++i) {
            x[i] = (float)(functions[f].low + (functions[f].high - functions[f].low) * (random_number() + 1) / 2);
        }
        functions[f].run(a, 1);
        double worst = 0;
        for (int i = 0; i < elements; ++i) {
            const double truth = functions[f].truth(x[i]);
            worst = fmax(worst, fabs(y[i] - truth) / fmax(fabs(truth), 1e-30));
        }
        if (!(worst < 1e-6)) {
            snprintf(answer->error, sizeof answer->error, "results differ from the reference by %.1e", worst);
        }
        snprintf(answer->check, sizeof answer->check, "agrees with the reference to %.0e", worst);
        snprintf(answer->setting, sizeof answer->setting, "deterministic, 1.0 ulp, AVX2");
        answer->run = functions[f].run;
        answer->state = a;
        answer->per = elements;
    }
}

int main(void) { serve(prepare, "{\"SLEEF\": \"" HANDGRAD_SLEEF_VERSION "\"}"); }
