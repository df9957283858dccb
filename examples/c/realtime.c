/* A model in a loop that must not wait: a million calls of each kind, each timed, and the worst of them.
 *
 * Nothing is allocated in the loop, by the library or here. What makes the worst call is then the machine: interrupts and
 * other programs. With a processor of its own (isolcpus), memory that stays (mlockall) and SCHED_FIFO there is less. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <handgrad.h>

enum { calls = 1000000, rows = 1000, inputs = 6, outputs = 2 };

static void must(handgrad_status status)
{
    if (status != HANDGRAD_OK) {
        fprintf(stderr, "%s: %s\n", handgrad_status_name(status), handgrad_last_error());
        exit(status);
    }
}

static double microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e6 * (double)now.tv_sec + 1e-3 * (double)now.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double took[calls];
static double x[rows][inputs], y[rows][outputs];

static void tell(const char *what)
{
    qsort(took, calls, sizeof took[0], by_size);
    printf("%-17s median %6.2f us  99.9 %% below %6.2f us  worst %8.2f us\n", what, took[calls / 2],
           took[calls - calls / 1000], took[calls - 1]);
}

/* A plant with six sensors that two values are wanted of. */
static handgrad_model *learn(void)
{
    handgrad_model *model = NULL;
    int i, j;
    for (i = 0; i < rows; ++i) {
        for (j = 0; j < inputs; ++j) {
            x[i][j] = sin(0.7 * i + 2.1 * j * i + j);
        }
        y[i][0] = x[i][0] * x[i][1] + x[i][2];
        y[i][1] = tanh(x[i][3] - x[i][4]) + 0.1 * x[i][5];
    }
    must(handgrad_train(x[0], rows, inputs, y[0], outputs, "hidden=32,32 hidden_activation=tanh epochs=50", 0, NULL,
                        &model));
    return model;
}

int main(void)
{
    handgrad_model *model = learn();
    double yhat[outputs], first[outputs], J[outputs][inputs], sum = 0.0;
    int i, same;
    /* Once before the loop: what is found in a first call is found now. */
    must(handgrad_model_predict(model, x[0], 1, inputs, first, outputs));
    must(handgrad_model_jacobian(model, x[0], 1, inputs, yhat, outputs, J[0], inputs));

    for (i = 0; i < calls; ++i) {
        const double begin = microseconds();
        must(handgrad_model_predict(model, x[i % rows], 1, inputs, yhat, outputs));
        took[i] = microseconds() - begin;
        sum += yhat[0];
    }
    tell("predict:");
    for (i = 0; i < calls; ++i) {
        const double begin = microseconds();
        must(handgrad_model_jacobian(model, x[i % rows], 1, inputs, yhat, outputs, J[0], inputs));
        took[i] = microseconds() - begin;
        sum += J[0][0];
    }
    tell("predict and slope:");

    must(handgrad_model_predict(model, x[0], 1, inputs, yhat, outputs));
    same = yhat[0] == first[0] && yhat[1] == first[1];
    printf("all finite: %s, and the same answer as before: %s\n", isfinite(sum) ? "yes" : "no", same ? "yes" : "no");
    must(handgrad_model_free(model));
    return 0;
}
