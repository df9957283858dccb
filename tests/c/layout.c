/* The border as programs that are compiled already know it: each function is taken by a pointer of the type that it was
 * published with, so that another signature does not compile; values of enums and layouts of structs are printed, to be
 * compared with abi.txt. */
#include <stddef.h>
#include <stdio.h>

#include "c/handgrad.h"

#define VALUE(name) printf("%s %d\n", #name, (int)(name))
#define SIZE(type) printf("sizeof(%s) %u\n", #type, (unsigned)sizeof(type))
#define PLACE(type, field) printf("offsetof(%s, %s) %u\n", #type, #field, (unsigned)offsetof(type, field))

const char *(*const abi_version)(void) = handgrad_version;
const char *(*const abi_last_error)(void) = handgrad_last_error;
const char *(*const abi_status_name)(handgrad_status status) = handgrad_status_name;
handgrad_status (*const abi_model_load)(const char *path, handgrad_model **model) = handgrad_model_load;
handgrad_status (*const abi_model_save)(const handgrad_model *model, const char *path) = handgrad_model_save;
handgrad_status (*const abi_model_free)(handgrad_model *model) = handgrad_model_free;
handgrad_status (*const abi_model_task)(const handgrad_model *model, handgrad_task *task) = handgrad_model_task;
handgrad_status (*const abi_model_sizes)(const handgrad_model *model, size_t *columns, size_t *inputs, size_t
    *outputs, size_t *classes) = handgrad_model_sizes;
handgrad_status (*const abi_model_column_name)(const handgrad_model *model, size_t index, const char **name) =
    handgrad_model_column_name;
handgrad_status (*const abi_model_input_name)(const handgrad_model *model, size_t index, const char **name) =
    handgrad_model_input_name;
handgrad_status (*const abi_model_output_name)(const handgrad_model *model, size_t index, const char **name) =
    handgrad_model_output_name;
handgrad_status (*const abi_model_class_name)(const handgrad_model *model, size_t index, const char **name) =
    handgrad_model_class_name;
handgrad_status (*const abi_model_column)(const handgrad_model *model, const char *name, size_t *index) =
    handgrad_model_column;
handgrad_status (*const abi_model_fact)(const handgrad_model *model, const char *key, const char **text) =
    handgrad_model_fact;
handgrad_status (*const abi_model_predict)(const handgrad_model *model, const double *x, size_t rows, size_t
    columns, double *yhat, size_t outputs) = handgrad_model_predict;
handgrad_status (*const abi_model_predict_cells)(const handgrad_model *model, const handgrad_cell *x, size_t rows,
    size_t columns, double *yhat, size_t outputs) = handgrad_model_predict_cells;
handgrad_status (*const abi_model_classify)(const handgrad_model *model, const double *x, size_t rows, size_t
    columns, int32_t *chosen, double *probabilities, size_t classes) = handgrad_model_classify;
handgrad_status (*const abi_model_classify_cells)(const handgrad_model *model, const handgrad_cell *x, size_t rows,
    size_t columns, int32_t *chosen, double *probabilities, size_t classes) = handgrad_model_classify_cells;
handgrad_status (*const abi_model_jacobian)(const handgrad_model *model, const double *x, size_t rows, size_t
    columns, double *yhat, size_t outputs, double *J, size_t inputs) = handgrad_model_jacobian;
handgrad_status (*const abi_model_jacobian_cells)(const handgrad_model *model, const handgrad_cell *x, size_t rows,
    size_t columns, double *yhat, size_t outputs, double *J, size_t inputs) = handgrad_model_jacobian_cells;
handgrad_status (*const abi_network_load)(const char *path, handgrad_precision precision, size_t threads,
    handgrad_network **network) = handgrad_network_load;
handgrad_status (*const abi_network_of_model)(const handgrad_model *model, handgrad_precision precision, size_t
    threads, handgrad_network **network) = handgrad_network_of_model;
handgrad_status (*const abi_network_create)(const size_t *sizes, size_t count, const char *hidden, const char
    *output, const double *parameters, size_t parameter_count, handgrad_precision precision, size_t threads,
    handgrad_network **network) = handgrad_network_create;
handgrad_status (*const abi_network_free)(handgrad_network *network) = handgrad_network_free;
handgrad_status (*const abi_network_sizes)(const handgrad_network *network, size_t *inputs, size_t *outputs, size_t
    *parameters) = handgrad_network_sizes;
handgrad_status (*const abi_network_precision)(const handgrad_network *network, handgrad_precision *precision) =
    handgrad_network_precision;
handgrad_status (*const abi_network_parameters)(const handgrad_network *network, double *parameters, size_t count) =
    handgrad_network_parameters;
handgrad_status (*const abi_network_predict)(const handgrad_network *network, const double *x, size_t rows, size_t
    inputs, double *yhat, size_t outputs) = handgrad_network_predict;
handgrad_status (*const abi_network_predict_f)(const handgrad_network *network, const float *x, size_t rows, size_t
    inputs, float *yhat, size_t outputs) = handgrad_network_predict_f;
handgrad_status (*const abi_network_jacobian)(const handgrad_network *network, const double *x, size_t rows, size_t
    inputs, double *yhat, size_t outputs, double *J) = handgrad_network_jacobian;
handgrad_status (*const abi_network_jacobian_f)(const handgrad_network *network, const float *x, size_t rows, size_t
    inputs, float *yhat, size_t outputs, float *J) = handgrad_network_jacobian_f;
handgrad_status (*const abi_network_vector_jacobian)(const handgrad_network *network, const double *x, const double
    *v, size_t rows, size_t inputs, double *yhat, size_t outputs, double *v_J) = handgrad_network_vector_jacobian;
handgrad_status (*const abi_network_vector_jacobian_f)(const handgrad_network *network, const float *x, const float
    *v, size_t rows, size_t inputs, float *yhat, size_t outputs, float *v_J) = handgrad_network_vector_jacobian_f;
handgrad_status (*const abi_network_jacobian_vector)(const handgrad_network *network, const double *x, const double
    *u, size_t rows, size_t inputs, double *yhat, size_t outputs, double *J_u) = handgrad_network_jacobian_vector;
handgrad_status (*const abi_network_jacobian_vector_f)(const handgrad_network *network, const float *x, const float
    *u, size_t rows, size_t inputs, float *yhat, size_t outputs, float *J_u) = handgrad_network_jacobian_vector_f;
handgrad_status (*const abi_table_create)(handgrad_table **table) = handgrad_table_create;
handgrad_status (*const abi_table_add_numbers)(handgrad_table *table, const char *name, const double *numbers,
    size_t rows) = handgrad_table_add_numbers;
handgrad_status (*const abi_table_add_texts)(handgrad_table *table, const char *name, const char *const *texts,
    size_t rows) = handgrad_table_add_texts;
handgrad_status (*const abi_table_free)(handgrad_table *table) = handgrad_table_free;
handgrad_status (*const abi_train)(const double *x, size_t rows, size_t inputs, const double *y, size_t outputs,
    const char *settings, size_t threads, const handgrad_listener *listener, handgrad_model **model) =
    handgrad_train;
handgrad_status (*const abi_train_table)(const handgrad_table *table, const char *settings, size_t threads, const
    handgrad_listener *listener, handgrad_model **model) = handgrad_train_table;
handgrad_status (*const abi_train_file)(const char *path, const char *settings, size_t threads, const
    handgrad_listener *listener, handgrad_model **model) = handgrad_train_file;

handgrad_status (*const abi_model_hessian)(const handgrad_model *model, const double *x, size_t rows, size_t columns,
    double *yhat, size_t outputs, double *H, size_t inputs) = handgrad_model_hessian;
handgrad_status (*const abi_model_hessian_cells)(const handgrad_model *model, const handgrad_cell *x, size_t rows, size_t
    columns, double *yhat, size_t outputs, double *H, size_t inputs) = handgrad_model_hessian_cells;
handgrad_status (*const abi_network_hessian)(const handgrad_network *network, const double *x, size_t rows, size_t
    inputs, double *yhat, size_t outputs, double *H) = handgrad_network_hessian;
handgrad_status (*const abi_network_hessian_f)(const handgrad_network *network, const float *x, size_t rows, size_t
    inputs, float *yhat, size_t outputs, float *H) = handgrad_network_hessian_f;
handgrad_status (*const abi_network_hessian_vector)(const handgrad_network *network, const double *x, const double
    *lambda, const double *u, size_t rows, size_t inputs, double *yhat, size_t outputs, double *H_u) =
    handgrad_network_hessian_vector;
handgrad_status (*const abi_network_hessian_vector_f)(const handgrad_network *network, const float *x, const float
    *lambda, const float *u, size_t rows, size_t inputs, float *yhat, size_t outputs, float *H_u) =
    handgrad_network_hessian_vector_f;

int main(void)
{
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
    return 0;
}
