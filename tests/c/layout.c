/* The border as programs that are compiled already know it: each function is taken by a pointer of the type that it was
 * published with, so that another signature does not compile; values of enums and layouts of structs are printed, to be
 * compared with abi.txt. */
#include <stddef.h>
#include <stdio.h>

#include "c/handgrad.h"

#define VALUE(name) printf("%s %d\n", #name, (int)(name))
#define SIZE(type) printf("sizeof(%s) %u\n", #type, (unsigned)sizeof(type))
#define PLACE(type, field) printf("offsetof(%s, %s) %u\n", #type, #field, (unsigned)offsetof(type, field))

static const char *(*const version_)(void) = handgrad_version;
static const char *(*const last_error_)(void) = handgrad_last_error;
static const char *(*const status_name_)(handgrad_status status) = handgrad_status_name;
static handgrad_status (*const model_load_)(const char *path, handgrad_model **model) = handgrad_model_load;
static handgrad_status (*const model_save_)(const handgrad_model *model, const char *path) = handgrad_model_save;
static handgrad_status (*const model_free_)(handgrad_model *model) = handgrad_model_free;
static handgrad_status (*const model_task_)(const handgrad_model *model, handgrad_task *task) = handgrad_model_task;
static handgrad_status (*const model_sizes_)(const handgrad_model *model, size_t *columns, size_t *inputs, size_t
    *outputs, size_t *classes) = handgrad_model_sizes;
static handgrad_status (*const model_column_name_)(const handgrad_model *model, size_t index, const char **name) =
    handgrad_model_column_name;
static handgrad_status (*const model_input_name_)(const handgrad_model *model, size_t index, const char **name) =
    handgrad_model_input_name;
static handgrad_status (*const model_output_name_)(const handgrad_model *model, size_t index, const char **name) =
    handgrad_model_output_name;
static handgrad_status (*const model_class_name_)(const handgrad_model *model, size_t index, const char **name) =
    handgrad_model_class_name;
static handgrad_status (*const model_column_)(const handgrad_model *model, const char *name, size_t *index) =
    handgrad_model_column;
static handgrad_status (*const model_fact_)(const handgrad_model *model, const char *key, const char **text) =
    handgrad_model_fact;
static handgrad_status (*const model_predict_)(const handgrad_model *model, const double *x, size_t rows, size_t
    columns, double *yhat, size_t outputs) = handgrad_model_predict;
static handgrad_status (*const model_predict_cells_)(const handgrad_model *model, const handgrad_cell *x, size_t
    rows, size_t columns, double *yhat, size_t outputs) = handgrad_model_predict_cells;
static handgrad_status (*const model_classify_)(const handgrad_model *model, const double *x, size_t rows, size_t
    columns, int32_t *chosen, double *probabilities, size_t classes) = handgrad_model_classify;
static handgrad_status (*const model_classify_cells_)(const handgrad_model *model, const handgrad_cell *x, size_t
    rows, size_t columns, int32_t *chosen, double *probabilities, size_t classes) = handgrad_model_classify_cells;
static handgrad_status (*const model_jacobian_)(const handgrad_model *model, const double *x, size_t rows, size_t
    columns, double *yhat, size_t outputs, double *J, size_t inputs) = handgrad_model_jacobian;
static handgrad_status (*const model_jacobian_cells_)(const handgrad_model *model, const handgrad_cell *x, size_t
    rows, size_t columns, double *yhat, size_t outputs, double *J, size_t inputs) = handgrad_model_jacobian_cells;
static handgrad_status (*const network_load_)(const char *path, handgrad_precision precision, size_t threads,
    handgrad_network **network) = handgrad_network_load;
static handgrad_status (*const network_of_model_)(const handgrad_model *model, handgrad_precision precision, size_t
    threads, handgrad_network **network) = handgrad_network_of_model;
static handgrad_status (*const network_create_)(const size_t *sizes, size_t count, const char *hidden, const char
    *output, const double *parameters, size_t parameter_count, handgrad_precision precision, size_t threads,
    handgrad_network **network) = handgrad_network_create;
static handgrad_status (*const network_free_)(handgrad_network *network) = handgrad_network_free;
static handgrad_status (*const network_sizes_)(const handgrad_network *network, size_t *inputs, size_t *outputs,
    size_t *parameters) = handgrad_network_sizes;
static handgrad_status (*const network_precision_)(const handgrad_network *network, handgrad_precision *precision) =
    handgrad_network_precision;
static handgrad_status (*const network_parameters_)(const handgrad_network *network, double *parameters, size_t
    count) = handgrad_network_parameters;
static handgrad_status (*const network_predict_)(const handgrad_network *network, const double *x, size_t rows,
    size_t inputs, double *yhat, size_t outputs) = handgrad_network_predict;
static handgrad_status (*const network_predict_f_)(const handgrad_network *network, const float *x, size_t rows,
    size_t inputs, float *yhat, size_t outputs) = handgrad_network_predict_f;
static handgrad_status (*const network_jacobian_)(const handgrad_network *network, const double *x, size_t rows,
    size_t inputs, double *yhat, size_t outputs, double *J) = handgrad_network_jacobian;
static handgrad_status (*const network_jacobian_f_)(const handgrad_network *network, const float *x, size_t rows,
    size_t inputs, float *yhat, size_t outputs, float *J) = handgrad_network_jacobian_f;
static handgrad_status (*const network_vector_jacobian_)(const handgrad_network *network, const double *x, const
    double *v, size_t rows, size_t inputs, double *yhat, size_t outputs, double *v_J) =
    handgrad_network_vector_jacobian;
static handgrad_status (*const network_vector_jacobian_f_)(const handgrad_network *network, const float *x, const
    float *v, size_t rows, size_t inputs, float *yhat, size_t outputs, float *v_J) =
    handgrad_network_vector_jacobian_f;
static handgrad_status (*const network_jacobian_vector_)(const handgrad_network *network, const double *x, const
    double *u, size_t rows, size_t inputs, double *yhat, size_t outputs, double *J_u) =
    handgrad_network_jacobian_vector;
static handgrad_status (*const network_jacobian_vector_f_)(const handgrad_network *network, const float *x, const
    float *u, size_t rows, size_t inputs, float *yhat, size_t outputs, float *J_u) =
    handgrad_network_jacobian_vector_f;
static handgrad_status (*const table_create_)(handgrad_table **table) = handgrad_table_create;
static handgrad_status (*const table_add_numbers_)(handgrad_table *table, const char *name, const double *numbers,
    size_t rows) = handgrad_table_add_numbers;
static handgrad_status (*const table_add_texts_)(handgrad_table *table, const char *name, const char *const *texts,
    size_t rows) = handgrad_table_add_texts;
static handgrad_status (*const table_free_)(handgrad_table *table) = handgrad_table_free;
static handgrad_status (*const train_)(const double *x, size_t rows, size_t inputs, const double *y, size_t outputs,
    const char *settings, size_t threads, const handgrad_listener *listener, handgrad_model **model) =
    handgrad_train;
static handgrad_status (*const train_table_)(const handgrad_table *table, const char *settings, size_t threads,
    const handgrad_listener *listener, handgrad_model **model) = handgrad_train_table;
static handgrad_status (*const train_file_)(const char *path, const char *settings, size_t threads, const
    handgrad_listener *listener, handgrad_model **model) = handgrad_train_file;

int main(void)
{
    const int taken =
        (version_ != NULL) + (last_error_ != NULL) + (status_name_ != NULL) + (model_load_ != NULL) +
        (model_save_ != NULL) + (model_free_ != NULL) + (model_task_ != NULL) + (model_sizes_ != NULL) +
        (model_column_name_ != NULL) + (model_input_name_ != NULL) + (model_output_name_ != NULL) +
        (model_class_name_ != NULL) + (model_column_ != NULL) + (model_fact_ != NULL) + (model_predict_ !=
        NULL) + (model_predict_cells_ != NULL) + (model_classify_ != NULL) + (model_classify_cells_ != NULL) +
        (model_jacobian_ != NULL) + (model_jacobian_cells_ != NULL) + (network_load_ != NULL) +
        (network_of_model_ != NULL) + (network_create_ != NULL) + (network_free_ != NULL) + (network_sizes_ !=
        NULL) + (network_precision_ != NULL) + (network_parameters_ != NULL) + (network_predict_ != NULL) +
        (network_predict_f_ != NULL) + (network_jacobian_ != NULL) + (network_jacobian_f_ != NULL) +
        (network_vector_jacobian_ != NULL) + (network_vector_jacobian_f_ != NULL) + (network_jacobian_vector_
        != NULL) + (network_jacobian_vector_f_ != NULL) + (table_create_ != NULL) + (table_add_numbers_ !=
        NULL) + (table_add_texts_ != NULL) + (table_free_ != NULL) + (train_ != NULL) + (train_table_ != NULL)
        + (train_file_ != NULL);
    VALUE(HANDGRAD_OK);
    VALUE(HANDGRAD_FAILED);
    VALUE(HANDGRAD_USAGE);
    VALUE(HANDGRAD_DATA);
    VALUE(HANDGRAD_MODEL);
    VALUE(HANDGRAD_DIVERGED);
    VALUE(HANDGRAD_IO);
    VALUE(HANDGRAD_MEMORY);
    VALUE(HANDGRAD_BAD_HANDLE);
    VALUE(HANDGRAD_AS_STORED);
    VALUE(HANDGRAD_FLOAT);
    VALUE(HANDGRAD_DOUBLE);
    VALUE(HANDGRAD_REGRESSION);
    VALUE(HANDGRAD_CLASSIFICATION);
    VALUE(HANDGRAD_MULTILABEL);
    SIZE(handgrad_status);
    SIZE(handgrad_precision);
    SIZE(handgrad_task);
    SIZE(handgrad_cell);
    PLACE(handgrad_cell, text);
    PLACE(handgrad_cell, number);
    SIZE(handgrad_epoch);
    PLACE(handgrad_epoch, epoch);
    PLACE(handgrad_epoch, epochs);
    PLACE(handgrad_epoch, best_epoch);
    PLACE(handgrad_epoch, loss);
    PLACE(handgrad_epoch, validation_loss);
    PLACE(handgrad_epoch, learning_rate);
    PLACE(handgrad_epoch, seconds);
    SIZE(handgrad_listener);
    PLACE(handgrad_listener, on_epoch);
    PLACE(handgrad_listener, on_notice);
    PLACE(handgrad_listener, user);
    return taken == 0; /* never: it keeps the pointers */
}
