// FANN: FANN_TRAIN_BATCH on one mini-batch after the other, which is a step of mini-batch gradient descent; and
// fann_run. FANN 2.2 has no ReLU: FANN_LINEAR_PIECE, the identity cut off at 0 and 1, costs the same. The trainings:
// -DHANDGRAD_TRAINING="X(T1, 10, 32, 1, 32, 128)", inputs, units, outputs, rows of a batch, batches.
#include <floatfann.h>
#include <math.h>

#include "runner.h"

enum { most_batches = 128 };

struct network {
    struct fann* net;
    struct fann_train_data* batches[most_batches];
    int count, next;
    float* input;
};

static void train(void* state, long steps) {
    struct network* n = state;
    for (long step = 0; step < steps; ++step) {
        fann_train_epoch(n->net, n->batches[n->next]);
        n->next = (n->next + 1) % n->count;
    }
}

static void infer(void* state, long steps) {
    struct network* n = state;
    for (long step = 0; step < steps; ++step) {
        fann_run(n->net, n->input);
    }
}

static double loss(struct network* n) {
    double sum = 0;
    for (int i = 0; i < n->count; ++i) {
        sum += fann_test_data(n->net, n->batches[i]);
    }
    return sum / n->count;
}

static void make(struct network* n, unsigned in, unsigned hidden, unsigned out) {
    n->net = fann_create_standard(3, in, hidden, out);
    fann_set_activation_function_hidden(n->net, FANN_LINEAR_PIECE);
    fann_set_activation_steepness_hidden(n->net, 1);
    fann_set_activation_function_output(n->net, FANN_LINEAR);
    fann_set_activation_steepness_output(n->net, 1);
    fann_set_training_algorithm(n->net, FANN_TRAIN_BATCH);
    fann_set_train_error_function(n->net, FANN_ERRORFUNC_LINEAR);
    fann_set_learning_rate(n->net, 0.05F);
    fann_randomize_weights(n->net, -0.3F, 0.3F);
}

static void prepare_training(struct network* n, unsigned in, unsigned hidden, unsigned out, unsigned batch, int batches,
                             struct prepared* answer) {
    make(n, in, hidden, out);
    n->count = batches;
    for (int i = 0; i < batches; ++i) {
        n->batches[i] = fann_create_train(batch, in, out);
        for (unsigned row = 0; row < batch; ++row) {
            double sum = 0.1 * random_number();
            for (unsigned j = 0; j < in; ++j) {
                n->batches[i]->input[row][j] = (fann_type)random_number();
                sum += (j % 2 ? 0.5 : -0.3) * n->batches[i]->input[row][j];
            }
            for (unsigned k = 0; k < out; ++k) {
                n->batches[i]->output[row][k] = (fann_type)tanh(k % 2 ? -sum : sum);
            }
        }
    }
    const double before = loss(n);
    train(n, 10L * batches);
    const double after = loss(n);
    if (!(after < 0.98 * before)) {
        snprintf(answer->error, sizeof answer->error, "training does not lower the loss: %.4g, then %.4g", before,
                 after);
    }
    snprintf(answer->check, sizeof answer->check, "mean squared error %.4g \\u2192 %.4g", before, after);
    snprintf(answer->setting, sizeof answer->setting, "FANN_TRAIN_BATCH, a mini-batch a call");
    answer->run = train;
}

// FANN stores its connections layer by layer, neuron by neuron, the bias last.
static double reference(struct network* n, unsigned in, unsigned hidden, unsigned k) {
    const unsigned total = fann_get_total_connections(n->net);
    struct fann_connection* c = malloc(total * sizeof *c);
    fann_get_connection_array(n->net, c);
    double sum = c[(in + 1) * hidden + k * (hidden + 1) + hidden].weight;
    for (unsigned h = 0; h < hidden; ++h) {
        double z = c[h * (in + 1) + in].weight;
        for (unsigned i = 0; i < in; ++i) {
            z += (double)c[h * (in + 1) + i].weight * n->input[i];
        }
        sum += c[(in + 1) * hidden + k * (hidden + 1) + h].weight * fmin(fmax(z, 0), 1);
    }
    free(c);
    return sum;
}

static void prepare_inference(struct network* n, unsigned in, unsigned hidden, unsigned out, struct prepared* answer) {
    make(n, in, hidden, out);
    n->input = malloc(in * sizeof *n->input);
    for (unsigned i = 0; i < in; ++i) {
        n->input[i] = (float)random_number();
    }
    double worst = 0;
    const fann_type* got = fann_run(n->net, n->input);
    for (unsigned k = 0; k < out; ++k) {
        worst = fmax(worst, fabs(got[k] - reference(n, in, hidden, k)));
    }
    if (!(worst < 1e-4)) {
        snprintf(answer->error, sizeof answer->error, "outputs differ from the reference by %.1e", worst);
    }
    snprintf(answer->check, sizeof answer->check, "agrees with the reference to %.0e", worst);
    snprintf(answer->setting, sizeof answer->setting, "fann_run");
    answer->run = infer;
}

static void prepare(const char* workload, struct prepared* answer) {
    struct network* state = calloc(1, sizeof *state);
    unsigned in = 0;
    unsigned hidden = 0;
    unsigned out = 0;
    answer->state = state;
#define X(id, n, r, k, batch, batches)                            \
    if (strcmp(workload, #id) == 0) {                             \
        prepare_training(state, n, r, k, batch, batches, answer); \
    }
    HANDGRAD_TRAINING
#undef X
    if (sscanf(workload, "I1/%u-%u-%u", &in, &hidden, &out) == 3) {
        prepare_inference(state, in, hidden, out, answer);
    }
}

int main(void) { serve(prepare, "{\"FANN\": \"" HANDGRAD_FANN_VERSION "\"}"); }
