// SLEEF: its elementary functions on arrays that fit the first-level cache, at most 1.0 ulp off (u10): sixteen floats a
// call with AVX-512 where the processor has it, eight with AVX2 otherwise; its deterministic variants (finz, the same
// bits wherever there is fused multiply-add) or, with -DHANDGRAD_FASTEST, those without that promise. σ is written on
// its exponential. With -DHANDGRAD_AVX2 eight floats a call also where there is AVX-512.
#include <immintrin.h>
#include <math.h>
#include <sleef.h>

#include "runner.h"

#if defined __AVX512F__ && !defined HANDGRAD_AVX2
#define WIDTH "AVX-512"
#define LANES 16
#define V(operation) _mm512_##operation
#ifdef HANDGRAD_FASTEST
#define SLEEF(name) Sleef_##name##f16_u10avx512f
#else
#define SLEEF(name) Sleef_finz_##name##f16_u10avx512f
#endif
typedef __m512 vector;
#else
#define WIDTH "AVX2"
#define LANES 8
#define V(operation) _mm256_##operation
#ifdef HANDGRAD_FASTEST
#define SLEEF(name) Sleef_##name##f8_u10avx2
#else
#define SLEEF(name) Sleef_finz_##name##f8_u10avx2
#endif
typedef __m256 vector;
#endif

#ifdef HANDGRAD_FASTEST
#define KIND "not deterministic"
#else
#define KIND "deterministic"
#endif

enum { elements = 2048 };

struct arrays {
    vector x[elements / LANES], y[elements / LANES];
};

static inline vector sigmoid_of(vector v) {
    const vector one = V(set1_ps)(1);
    return V(div_ps)(one, V(add_ps)(one, SLEEF(exp)(V(sub_ps)(V(setzero_ps)(), v))));
}

#define RUN(name, call)                                  \
    static void name(void* state, long steps) {          \
        struct arrays* a = (struct arrays*)state;        \
        for (long step = 0; step < steps; ++step) {      \
            for (int i = 0; i < elements / LANES; ++i) { \
                a->y[i] = call(a->x[i]);                 \
            }                                            \
            __asm__ volatile("" : : "r"(a) : "memory");  \
        }                                                \
    }

RUN(run_exp, SLEEF(exp))
RUN(run_log, SLEEF(log))
RUN(run_tanh, SLEEF(tanh))
RUN(run_erf, SLEEF(erf))
RUN(run_log1p, SLEEF(log1p))
RUN(run_expm1, SLEEF(expm1))
RUN(run_sigmoid, sigmoid_of)

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static const struct {
    const char* id;
    run_function run;
    double (*truth)(double);
    double low, high;
} functions[] = {{"E/exp", run_exp, exp, -4, 4},
                 {"E/log", run_log, log, 1e-3, 100},
                 {"E/tanh", run_tanh, tanh, -4, 4},
                 {"E/erf", run_erf, erf, -4, 4},
                 {"E/log1p", run_log1p, log1p, 1e-3, 100},
                 {"E/expm1", run_expm1, expm1, -4, 4},
                 {"E/sigmoid", run_sigmoid, sigmoid, -4, 4}};  // the intervals that ours is timed on

static void prepare(const char* workload, struct prepared* answer) {
    struct arrays* a = (struct arrays*)aligned_alloc(64, sizeof *a);
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
        snprintf(answer->setting, sizeof answer->setting, KIND ", 1.0 ulp, " WIDTH);
        answer->run = functions[f].run;
        answer->state = a;
        answer->per = elements;
    }
}

int main(void) { serve(prepare, "{\"SLEEF\": \"" HANDGRAD_SLEEF_VERSION "\"}"); }
