/* handgrad for C, and for every language that calls C: small neural networks with every derivative in the open.
 *
 * Every function but the three that give texts returns a status, 0 when all is well; handgrad_last_error() then says in
 * words what is wrong where. No exception and no signal crosses this border, and nothing is printed.
 *
 * Two doors. A handgrad_model is a model file with its columns: raw rows in, values in the user's units, classes and
 * derivatives out. A handgrad_network is its network alone, on numbers that are scaled already.
 *
 * Numbers are row-major arrays without gaps: a matrix of `rows` rows and `columns` columns has rows * columns numbers,
 * row after row. The caller says how large each side is, and what does not fit the handle is refused before anything is
 * read or written; only the lengths that are named can be checked, not that the memory is there. What is written may not
 * overlap what is read. After a failure what stands in an output array of numbers is not to be used; a handle or a text
 * that was to be given is NULL.
 *
 * Handles are no addresses but tickets: a handle that was freed, or is of another type, or is no handle, gives
 * HANDGRAD_BAD_HANDLE from every function, and so does freeing twice. Freeing NULL is no mistake. A handle may be used by
 * any number of threads at the same time, and be freed by one while others use it: their calls end as if it were still
 * there.
 *
 * predict, classify, jacobian and hessian allocate nothing when they succeed, but that a thread keeps scratch, found in
 * its first call, for networks of more than some hundred units, and that networks start a pool of threads when they
 * first get many rows and may use more than one thread. So a loop that must not wait calls each function once before it
 * begins.
 *
 * This is ABI version 0. Later versions of the library with the same number keep every function, every value of an enum
 * and the layout of every struct; the shared library's name carries it (libhandgrad_c.so.0).
 */
#ifndef HANDGRAD_C_HANDGRAD_H
#define HANDGRAD_C_HANDGRAD_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define HANDGRAD_API __attribute__((visibility("default")))
#else
#define HANDGRAD_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What came of a call. The values 2 to 6 are the exit codes of the program. */
typedef enum handgrad_status {
    HANDGRAD_OK = 0,
    HANDGRAD_FAILED = 1,     /* a mistake inside the library: please report it */
    HANDGRAD_USAGE = 2,      /* an argument or a setting that makes no sense: NULL, a wrong size, a name that is none */
    HANDGRAD_DATA = 3,       /* a row or a table that cannot be used: an unknown category, a missing value */
    HANDGRAD_MODEL = 4,      /* a file that is not a sound model */
    HANDGRAD_DIVERGED = 5,   /* training met a number that is not finite */
    HANDGRAD_IO = 6,         /* the operating system refused to read or write */
    HANDGRAD_MEMORY = 7,     /* no memory */
    HANDGRAD_BAD_HANDLE = 8, /* freed, of another type, or no handle */
    HANDGRAD_STATUS_MAX = 0x7fffffff /* so that the type is as large as an int everywhere */
} handgrad_status;

/* The numbers that a network calculates with. */
typedef enum handgrad_precision {
    HANDGRAD_AS_STORED = 0, /* as the file has them */
    HANDGRAD_FLOAT = 1,
    HANDGRAD_DOUBLE = 2,
    HANDGRAD_PRECISION_MAX = 0x7fffffff
} handgrad_precision;

typedef enum handgrad_task {
    HANDGRAD_REGRESSION = 0,     /* numbers */
    HANDGRAD_CLASSIFICATION = 1, /* one of several classes */
    HANDGRAD_MULTILABEL = 2,     /* several columns, each yes or no by itself */
    HANDGRAD_TASK_MAX = 0x7fffffff
} handgrad_task;

typedef struct handgrad_model handgrad_model;     /* a network with its columns, scaling and classes */
typedef struct handgrad_network handgrad_network; /* a network on numbers */
typedef struct handgrad_table handgrad_table;     /* named columns to learn from */

/* One cell of a raw row: a text, or where `text` is NULL the number, NaN where the value is missing. */
typedef struct handgrad_cell {
    const char *text; /* UTF-8 */
    double number;
} handgrad_cell;

/* The version of the library, "0.1.0". */
HANDGRAD_API const char *handgrad_version(void);

/* What was wrong with the last call in this thread that failed: `FUNCTION: CAUSE; REMEDY` in UTF-8, at most 2047 bytes;
 * empty before the first. Calls that succeed leave it as it is. It is good until the next failure in this thread. */
HANDGRAD_API const char *handgrad_last_error(void);

/* "HANDGRAD_OK" …, and "unknown status". */
HANDGRAD_API const char *handgrad_status_name(handgrad_status status);

/* --- A model with its columns -------------------------------------------------------------------------------------- */

/* Reads a model file. HANDGRAD_IO, HANDGRAD_MODEL for a file that is damaged or none, HANDGRAD_MEMORY. */
HANDGRAD_API handgrad_status handgrad_model_load(const char *path, handgrad_model **model);
/* Writes one, whole or not at all. */
HANDGRAD_API handgrad_status handgrad_model_save(const handgrad_model *model, const char *path);
HANDGRAD_API handgrad_status handgrad_model_free(handgrad_model *model);

HANDGRAD_API handgrad_status handgrad_model_task(const handgrad_model *model, handgrad_task *task);
/* How many cells a row has; what a Jacobian is by (a column of numbers is one input, a column of names one for each
 * name); values that come out; classes (0 unless it is a classifier). Any may be NULL. */
HANDGRAD_API handgrad_status handgrad_model_sizes(const handgrad_model *model, size_t *columns, size_t *inputs,
                                                  size_t *outputs, size_t *classes);
/* Names by index from 0: good as long as the model. HANDGRAD_USAGE beyond the last. */
HANDGRAD_API handgrad_status handgrad_model_column_name(const handgrad_model *model, size_t index, const char **name);
HANDGRAD_API handgrad_status handgrad_model_input_name(const handgrad_model *model, size_t index, const char **name);
HANDGRAD_API handgrad_status handgrad_model_output_name(const handgrad_model *model, size_t index, const char **name);
HANDGRAD_API handgrad_status handgrad_model_class_name(const handgrad_model *model, size_t index, const char **name);
/* The index of a column. HANDGRAD_USAGE, with the name that may have been meant, when there is none. */
HANDGRAD_API handgrad_status handgrad_model_column(const handgrad_model *model, const char *name, size_t *index);
/* What the file says of its origin, "metric.test.r2", "epochs.run" … (docs/formats.md); good as long as the model.
 * HANDGRAD_USAGE when it says nothing of that. */
HANDGRAD_API handgrad_status handgrad_model_fact(const handgrad_model *model, const char *key, const char **text);

/* yhat (rows x outputs) of x (rows x columns), cells in the order of the columns: a regression's values in the units of
 * the table; a classifier's as the network puts them out. Rows go one after the other, in the calling thread.
 * HANDGRAD_DATA names column and cell. The `_cells` functions take texts too, for columns of names. */
HANDGRAD_API handgrad_status handgrad_model_predict(const handgrad_model *model, const double *x, size_t rows,
                                                    size_t columns, double *yhat, size_t outputs);
HANDGRAD_API handgrad_status handgrad_model_predict_cells(const handgrad_model *model, const handgrad_cell *x,
                                                          size_t rows, size_t columns, double *yhat, size_t outputs);
/* The class of each row (rows numbers), and unless `probabilities` is NULL how sure the model is of each class
 * (rows x classes). HANDGRAD_USAGE when it is no classifier, or has no probabilities. */
HANDGRAD_API handgrad_status handgrad_model_classify(const handgrad_model *model, const double *x, size_t rows,
                                                     size_t columns, int32_t *chosen, double *probabilities,
                                                     size_t classes);
HANDGRAD_API handgrad_status handgrad_model_classify_cells(const handgrad_model *model, const handgrad_cell *x,
                                                           size_t rows, size_t columns, int32_t *chosen,
                                                           double *probabilities, size_t classes);
/* yhat as above, and J (rows x outputs x inputs): J[(row * outputs + k) * inputs + j] is the derivative of output k by
 * input j, in the units of that output by those of that input. */
HANDGRAD_API handgrad_status handgrad_model_jacobian(const handgrad_model *model, const double *x, size_t rows,
                                                     size_t columns, double *yhat, size_t outputs, double *J,
                                                     size_t inputs);
HANDGRAD_API handgrad_status handgrad_model_jacobian_cells(const handgrad_model *model, const handgrad_cell *x,
                                                           size_t rows, size_t columns, double *yhat, size_t outputs,
                                                           double *J, size_t inputs);

/* yhat as above, and H (rows x outputs x inputs x inputs), of each output the symmetric matrix of its second derivatives:
 * H[((row * outputs + k) * inputs + i) * inputs + j] is that by inputs i and j, in the units of the output by those of both.
 * At a kink of an activation it counts as 0. */
HANDGRAD_API handgrad_status handgrad_model_hessian(const handgrad_model *model, const double *x, size_t rows,
                                                    size_t columns, double *yhat, size_t outputs, double *H,
                                                    size_t inputs);
HANDGRAD_API handgrad_status handgrad_model_hessian_cells(const handgrad_model *model, const handgrad_cell *x,
                                                          size_t rows, size_t columns, double *yhat, size_t outputs,
                                                          double *H, size_t inputs);

/* --- A network on numbers ------------------------------------------------------------------------------------------ */

/* The network of a model file, or of a model. What it takes is scaled and encoded already, and what it puts out is in
 * its own units. `threads` is how many may work on many rows at once; 0: as many as this process may run on. */
HANDGRAD_API handgrad_status handgrad_network_load(const char *path, handgrad_precision precision, size_t threads,
                                                   handgrad_network **network);
HANDGRAD_API handgrad_status handgrad_network_of_model(const handgrad_model *model, handgrad_precision precision,
                                                       size_t threads, handgrad_network **network);
/* One from plain numbers: `sizes` are the inputs, the widths of the hidden layers and the outputs, `count` of them; the
 * activation of every hidden layer (not looked at without any) and of the last by their names ("tanh", "identity"); parameters are
 * W1 (out x in, row by row), b1, W2, b2 …. Precision as stored is double. */
HANDGRAD_API handgrad_status handgrad_network_create(const size_t *sizes, size_t count, const char *hidden,
                                                     const char *output, const double *parameters,
                                                     size_t parameter_count, handgrad_precision precision,
                                                     size_t threads, handgrad_network **network);
HANDGRAD_API handgrad_status handgrad_network_free(handgrad_network *network);

/* Any may be NULL. */
HANDGRAD_API handgrad_status handgrad_network_sizes(const handgrad_network *network, size_t *inputs, size_t *outputs,
                                                    size_t *parameters);
HANDGRAD_API handgrad_status handgrad_network_precision(const handgrad_network *network, handgrad_precision *precision);
/* Its parameters, `count` of them, in the order of handgrad_network_create(). */
HANDGRAD_API handgrad_status handgrad_network_parameters(const handgrad_network *network, double *parameters,
                                                         size_t count);

/* yhat (rows x outputs) of x (rows x inputs). The functions that end in _f are for networks of HANDGRAD_FLOAT, the
 * others for HANDGRAD_DOUBLE: HANDGRAD_USAGE for one of the other. */
HANDGRAD_API handgrad_status handgrad_network_predict(const handgrad_network *network, const double *x, size_t rows,
                                                      size_t inputs, double *yhat, size_t outputs);
HANDGRAD_API handgrad_status handgrad_network_predict_f(const handgrad_network *network, const float *x, size_t rows,
                                                        size_t inputs, float *yhat, size_t outputs);
/* yhat, and J (rows x outputs x inputs) as of handgrad_model_jacobian(). */
HANDGRAD_API handgrad_status handgrad_network_jacobian(const handgrad_network *network, const double *x, size_t rows,
                                                       size_t inputs, double *yhat, size_t outputs, double *J);
HANDGRAD_API handgrad_status handgrad_network_jacobian_f(const handgrad_network *network, const float *x, size_t rows,
                                                         size_t inputs, float *yhat, size_t outputs, float *J);
/* yhat, and v_J (rows x inputs), the gradient by x of a function that has the gradient v (rows x outputs) by yhat: one
 * pass backward. */
HANDGRAD_API handgrad_status handgrad_network_vector_jacobian(const handgrad_network *network, const double *x,
                                                              const double *v, size_t rows, size_t inputs,
                                                              double *yhat, size_t outputs, double *v_J);
HANDGRAD_API handgrad_status handgrad_network_vector_jacobian_f(const handgrad_network *network, const float *x,
                                                                const float *v, size_t rows, size_t inputs,
                                                                float *yhat, size_t outputs, float *v_J);
/* yhat, and J_u (rows x outputs), the change of yhat along u (rows x inputs): one more pass forward. */
HANDGRAD_API handgrad_status handgrad_network_jacobian_vector(const handgrad_network *network, const double *x,
                                                              const double *u, size_t rows, size_t inputs,
                                                              double *yhat, size_t outputs, double *J_u);
HANDGRAD_API handgrad_status handgrad_network_jacobian_vector_f(const handgrad_network *network, const float *x,
                                                                const float *u, size_t rows, size_t inputs,
                                                                float *yhat, size_t outputs, float *J_u);

/* yhat, and H (rows x outputs x inputs x inputs) as of handgrad_model_hessian(). */
HANDGRAD_API handgrad_status handgrad_network_hessian(const handgrad_network *network, const double *x, size_t rows,
                                                      size_t inputs, double *yhat, size_t outputs, double *H);
HANDGRAD_API handgrad_status handgrad_network_hessian_f(const handgrad_network *network, const float *x, size_t rows,
                                                        size_t inputs, float *yhat, size_t outputs, float *H);
/* yhat, and H_u (rows x inputs), the Hessian of lambda . yhat times u, with lambda (rows x outputs) and u (rows x inputs),
 * without the matrix. */
HANDGRAD_API handgrad_status handgrad_network_hessian_vector(const handgrad_network *network, const double *x,
                                                             const double *lambda, const double *u, size_t rows,
                                                             size_t inputs, double *yhat, size_t outputs, double *H_u);
HANDGRAD_API handgrad_status handgrad_network_hessian_vector_f(const handgrad_network *network, const float *x,
                                                               const float *lambda, const float *u, size_t rows,
                                                               size_t inputs, float *yhat, size_t outputs, float *H_u);

/* --- Training ------------------------------------------------------------------------------------------------------ */

/* How an epoch went. Later versions may have more behind these: it is only handed over by pointer. */
typedef struct handgrad_epoch {
    size_t epoch;           /* from 1 */
    size_t epochs;          /* at most so many */
    size_t best_epoch;      /* so far */
    double loss;            /* mean over the batches as they were seen */
    double validation_loss; /* NaN without validation rows */
    double learning_rate;   /* of the last step */
    double seconds;         /* that its steps took */
} handgrad_epoch;

/* Who listens to a training, in the thread that called it; any may be NULL. A listener must return: neither an exception
 * nor longjmp may leave it. */
typedef struct handgrad_listener {
    int (*on_epoch)(const handgrad_epoch *epoch, void *user);  /* after each; anything but 0 ends the training there */
    void (*on_notice)(const char *notice, void *user);         /* what was decided for the user, or a warning: a line */
    void *user;                                                /* handed to both */
} handgrad_listener;

/* Columns to learn from, copied as they are added; all of one length. What they become is what a CSV file of the same
 * cells becomes. NaN, and NULL among texts, is a missing value. */
HANDGRAD_API handgrad_status handgrad_table_create(handgrad_table **table);
HANDGRAD_API handgrad_status handgrad_table_add_numbers(handgrad_table *table, const char *name, const double *numbers,
                                                        size_t rows);
HANDGRAD_API handgrad_status handgrad_table_add_texts(handgrad_table *table, const char *name,
                                                      const char *const *texts, size_t rows);
HANDGRAD_API handgrad_status handgrad_table_free(handgrad_table *table);

/* Trains a model on a table, on a file of one, or on plain numbers x (rows x inputs, columns x1, x2 …) and
 * y (rows x outputs, targets y, or y1, y2 …). `settings` are those of the program by their names, divided by blanks:
 * "target=price hidden=32,16 epochs=100 learning_rate=0.01 seed=7"; lists have commas, and what holds blanks or commas
 * stands in double quotes; NULL for none. What is left open is decided as the program does, and told to `listener`, which
 * may be NULL. The same settings and rows give the same bits, on any number of threads. A training that a listener ends
 * gives the model as it is then. HANDGRAD_USAGE, HANDGRAD_DATA, HANDGRAD_IO, HANDGRAD_DIVERGED, HANDGRAD_MEMORY. */
HANDGRAD_API handgrad_status handgrad_train(const double *x, size_t rows, size_t inputs, const double *y,
                                            size_t outputs, const char *settings, size_t threads,
                                            const handgrad_listener *listener, handgrad_model **model);
HANDGRAD_API handgrad_status handgrad_train_table(const handgrad_table *table, const char *settings, size_t threads,
                                                  const handgrad_listener *listener, handgrad_model **model);
HANDGRAD_API handgrad_status handgrad_train_file(const char *path, const char *settings, size_t threads,
                                                 const handgrad_listener *listener, handgrad_model **model);

#ifdef __cplusplus
}
#endif

#endif
