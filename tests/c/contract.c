/* The border as C sees it, compiled as C99 with every warning: what is wrong gives its status and its text, and nothing
 * crashes. Usage: contract FIXTURES SCRATCH. Prints what fails, and ends with the number of checks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "c/handgrad.h"

static int checks = 0, failures = 0;

static void check(int line, const char *what, int good)
{
    ++checks;
    if (!good) {
        ++failures;
        printf("contract.c:%d: %s; last error: %s\n", line, what, handgrad_last_error());
    }
}

/* The status, and a text that begins so (NULL: none is asked for). */
static void expect(int line, const char *call, handgrad_status is, handgrad_status wanted, const char *text)
{
    check(line, call, is == wanted);
    if (text != NULL) {
        check(line, text, strncmp(handgrad_last_error(), text, strlen(text)) == 0);
    }
}

#define CHECK(what) check(__LINE__, #what, (what))
#define OK(call) expect(__LINE__, #call, (call), HANDGRAD_OK, NULL)
#define FAILS(call, status, text) expect(__LINE__, #call, (call), status, text)

static char path_text[4096];
static const char *path_of(const char *folder, const char *file)
{
    snprintf(path_text, sizeof path_text, "%s/%s", folder, file);
    return path_text;
}

static void test_files(const char *fixtures, const char *scratch)
{
    handgrad_model *model = (handgrad_model *)(size_t)1;
    FILE *file;
    FAILS(handgrad_model_load(path_of(scratch, "there is none.model"), &model), HANDGRAD_IO,
          "handgrad_model_load: ");
    CHECK(strstr(handgrad_last_error(), "there is none.model") != NULL);
    CHECK(model == NULL);
    FAILS(handgrad_model_load(NULL, &model), HANDGRAD_USAGE, "handgrad_model_load: path is NULL");
    FAILS(handgrad_model_load(path_of(fixtures, "0.1/linear.model"), NULL), HANDGRAD_USAGE,
          "handgrad_model_load: model is NULL");
    FAILS(handgrad_model_load(path_of(fixtures, "houses.csv"), &model), HANDGRAD_MODEL, "handgrad_model_load: ");

    OK(handgrad_model_load(path_of(fixtures, "0.1/linear.model"), &model));
    FAILS(handgrad_model_save(model, path_of(scratch, "no folder/m.model")), HANDGRAD_IO, "handgrad_model_save: ");
    OK(handgrad_model_save(model, path_of(scratch, "damaged.model")));
    OK(handgrad_model_free(model));
    file = fopen(path_of(scratch, "damaged.model"), "r+b");
    CHECK(file != NULL && fseek(file, -3, SEEK_END) == 0 && fputc(0x55, file) == 0x55 && fclose(file) == 0);
    FAILS(handgrad_model_load(path_of(scratch, "damaged.model"), &model), HANDGRAD_MODEL, "handgrad_model_load: ");
    CHECK(strstr(handgrad_last_error(), "checksum") != NULL || strstr(handgrad_last_error(), "damaged") != NULL);
    CHECK(model == NULL);
}

static void test_sizes_and_null(const char *fixtures)
{
    handgrad_model *model = NULL;
    const double row[4] = {95.0, 4.0, 75.0, 0.0};
    handgrad_cell cells[4] = {{NULL, 95.0}, {NULL, 4.0}, {NULL, 75.0}, {"Rome", 0.0}};
    double yhat[2], J[64];
    size_t columns = 0, inputs = 0, outputs = 0, classes = 7, index = 0;
    const char *name = "none";
    handgrad_task task = HANDGRAD_CLASSIFICATION;
    int32_t chosen = 0;
    OK(handgrad_model_load(path_of(fixtures, "0.1/regression.model"), &model));
    OK(handgrad_model_sizes(model, &columns, &inputs, &outputs, &classes));
    OK(handgrad_model_sizes(model, NULL, NULL, NULL, NULL));
    CHECK(columns == 4 && classes == 0 && inputs * outputs <= 64);
    OK(handgrad_model_task(model, &task));
    CHECK(task == HANDGRAD_REGRESSION);
    OK(handgrad_model_jacobian_cells(model, cells, 1, columns, yhat, outputs, J, inputs));
    CHECK(isfinite(yhat[0]));

    FAILS(handgrad_model_predict(model, row, 1, 3, yhat, outputs), HANDGRAD_USAGE,
          "handgrad_model_predict: columns is 3, the model's rows have 4");
    FAILS(handgrad_model_predict_cells(model, cells, 1, 4, yhat, outputs + 1), HANDGRAD_USAGE,
          "handgrad_model_predict_cells: outputs is ");
    FAILS(handgrad_model_predict(model, NULL, 1, 4, yhat, outputs), HANDGRAD_USAGE,
          "handgrad_model_predict: x is NULL");
    FAILS(handgrad_model_predict_cells(model, cells, 1, 4, NULL, outputs), HANDGRAD_USAGE,
          "handgrad_model_predict_cells: yhat is NULL");
    FAILS(handgrad_model_predict_cells(model, cells, (size_t)-1, 4, yhat, outputs), HANDGRAD_USAGE,
          "handgrad_model_predict_cells: x: 18446744073709551615 rows of 4 numbers are more than any memory holds");
    OK(handgrad_model_predict_cells(model, NULL, 0, 4, NULL, outputs));
    FAILS(handgrad_model_jacobian_cells(model, cells, 1, 4, yhat, outputs, J, inputs - 1), HANDGRAD_USAGE,
          "handgrad_model_jacobian_cells: inputs is ");
    FAILS(handgrad_model_jacobian_cells(model, cells, 1, 4, yhat, outputs, NULL, inputs), HANDGRAD_USAGE,
          "handgrad_model_jacobian_cells: J is NULL");
    FAILS(handgrad_model_classify_cells(model, cells, 1, 4, &chosen, NULL, 0), HANDGRAD_USAGE,
          "handgrad_model_classify_cells: ModelPredictor: this model predicts numbers, not classes");
    cells[3].text = "Atlantis";
    FAILS(handgrad_model_predict_cells(model, cells, 1, 4, yhat, outputs), HANDGRAD_DATA,
          "handgrad_model_predict_cells: the row: column 'city': ");
    CHECK(strstr(handgrad_last_error(), "Atlantis") != NULL);

    OK(handgrad_model_column_name(model, 3, &name));
    CHECK(name != NULL && strcmp(name, "city") == 0);
    FAILS(handgrad_model_column_name(model, 4, &name), HANDGRAD_USAGE,
          "handgrad_model_column_name: index is 4 (counted from 0), the model has 4 columns");
    CHECK(name == NULL);
    FAILS(handgrad_model_class_name(model, 0, &name), HANDGRAD_USAGE, "handgrad_model_class_name: index is 0");
    FAILS(handgrad_model_column(model, "citi", &index), HANDGRAD_USAGE, "handgrad_model_column: ");
    CHECK(strstr(handgrad_last_error(), "did you mean 'city'?") != NULL);
    FAILS(handgrad_model_fact(model, "colour", &name), HANDGRAD_USAGE,
          "handgrad_model_fact: the model says nothing of 'colour'");
    OK(handgrad_model_fact(model, "seed", &name));
    CHECK(name != NULL);
    OK(handgrad_model_free(model));
}

/* What is no handle any more, or is another's. */
static void test_handles(const char *fixtures)
{
    handgrad_model *model = NULL, *other = NULL;
    handgrad_network *network = NULL;
    handgrad_table *table = NULL;
    double number = 0.0;
    size_t count = 0;
    int local = 0;
    OK(handgrad_model_load(path_of(fixtures, "0.1/linear.model"), &model));
    OK(handgrad_network_of_model(model, HANDGRAD_AS_STORED, 1, &network));
    OK(handgrad_table_create(&table));
    FAILS(handgrad_model_sizes((handgrad_model *)network, &count, NULL, NULL, NULL), HANDGRAD_BAD_HANDLE,
          "handgrad_model_sizes: model is a handgrad_network; it takes a handgrad_model");
    FAILS(handgrad_network_free((handgrad_network *)table), HANDGRAD_BAD_HANDLE,
          "handgrad_network_free: network is a handgrad_table; it takes a handgrad_network");
    FAILS(handgrad_model_free((handgrad_model *)&local), HANDGRAD_BAD_HANDLE,
          "handgrad_model_free: model is no handle; it takes a handgrad_model");
    FAILS(handgrad_network_predict(NULL, &number, 1, 1, &number, 1), HANDGRAD_USAGE,
          "handgrad_network_predict: network is NULL");
    OK(handgrad_model_free(NULL));
    OK(handgrad_network_free(NULL));
    OK(handgrad_table_free(NULL));

    OK(handgrad_model_free(model));
    FAILS(handgrad_model_free(model), HANDGRAD_BAD_HANDLE, "handgrad_model_free: model was freed before");
    FAILS(handgrad_model_sizes(model, &count, NULL, NULL, NULL), HANDGRAD_BAD_HANDLE,
          "handgrad_model_sizes: model was freed before");
    /* The next handle in that place is not taken for it. */
    OK(handgrad_model_load(path_of(fixtures, "0.1/linear.model"), &other));
    FAILS(handgrad_model_sizes(model, &count, NULL, NULL, NULL), HANDGRAD_BAD_HANDLE, NULL);
    OK(handgrad_model_sizes(other, &count, NULL, NULL, NULL));
    OK(handgrad_model_free(other));
    OK(handgrad_network_sizes(network, &count, NULL, NULL)); /* needs its model no more */
    OK(handgrad_network_free(network));
    OK(handgrad_table_free(table));
    FAILS(handgrad_table_add_numbers(table, "x", &number, 1), HANDGRAD_BAD_HANDLE,
          "handgrad_table_add_numbers: table was freed before");
}

static void test_networks(void)
{
    const size_t sizes[3] = {2, 3, 1};
    const double parameters[13] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3};
    const double x[2] = {0.5, -0.5};
    const float x_f[2] = {0.5F, -0.5F};
    double yhat = 0.0, J[2], H[4];
    float yhat_f = 0.0F;
    handgrad_network *network = NULL;
    handgrad_precision precision = HANDGRAD_AS_STORED;
    FAILS(handgrad_network_create(sizes, 3, "tanh", "identity", parameters, 12, HANDGRAD_DOUBLE, 1, &network),
          HANDGRAD_USAGE, "handgrad_network_create: parameter_count is 12, a network of these sizes has 13");
    FAILS(handgrad_network_create(sizes, 3, "tan", "identity", parameters, 13, HANDGRAD_DOUBLE, 1, &network),
          HANDGRAD_USAGE, "handgrad_network_create: hidden: there is no activation 'tan'");
    FAILS(handgrad_network_create(sizes, 3, NULL, "identity", parameters, 13, HANDGRAD_DOUBLE, 1, &network),
          HANDGRAD_USAGE, "handgrad_network_create: hidden is NULL");
    FAILS(handgrad_network_create(sizes, 1, NULL, "identity", parameters, 13, HANDGRAD_DOUBLE, 1, &network),
          HANDGRAD_USAGE, "handgrad_network_create: ");
    FAILS(handgrad_network_create(sizes, 3, "tanh", "identity", parameters, 13, (handgrad_precision)5, 1, &network),
          HANDGRAD_USAGE, "handgrad_network_create: precision is 5, which is none");
    CHECK(network == NULL);
    OK(handgrad_network_create(sizes, 3, "tanh", "identity", parameters, 13, HANDGRAD_AS_STORED, 1, &network));
    OK(handgrad_network_precision(network, &precision));
    CHECK(precision == HANDGRAD_DOUBLE);
    OK(handgrad_network_jacobian(network, x, 1, 2, &yhat, 1, J));
    FAILS(handgrad_network_predict_f(network, x_f, 1, 2, &yhat_f, 1), HANDGRAD_USAGE,
          "handgrad_network_predict_f: the network calculates in double; call the function without _f at its end");
    FAILS(handgrad_network_predict(network, x, 1, 3, &yhat, 1), HANDGRAD_USAGE,
          "handgrad_network_predict: inputs is 3, the network takes 2");
    FAILS(handgrad_network_predict(network, x, 1, 2, &yhat, 2), HANDGRAD_USAGE,
          "handgrad_network_predict: outputs is 2, the network puts out 1");
    FAILS(handgrad_network_jacobian(network, x, 1, 2, &yhat, 1, NULL), HANDGRAD_USAGE,
          "handgrad_network_jacobian: J is NULL");
    OK(handgrad_network_hessian(network, x, 1, 2, &yhat, 1, H));
    CHECK(H[1] == H[2] && H[0] != 0.0);
    FAILS(handgrad_network_hessian(network, x, 1, 2, &yhat, 1, NULL), HANDGRAD_USAGE,
          "handgrad_network_hessian: H is NULL");
    FAILS(handgrad_network_parameters(network, J, 2), HANDGRAD_USAGE,
          "handgrad_network_parameters: count is 2, the network's parameters are 13");
    OK(handgrad_network_free(network));
}

struct heard {
    int epochs, notices, stop_after;
    double first_loss, last_loss;
};
static int on_epoch(const handgrad_epoch *epoch, void *user)
{
    struct heard *heard = user;
    if (heard->epochs++ == 0) {
        heard->first_loss = epoch->loss;
    }
    heard->last_loss = epoch->loss;
    return heard->epochs == heard->stop_after;
}
static void on_notice(const char *notice, void *user)
{
    struct heard *heard = user;
    heard->notices += notice[0] != '\0';
}

static void test_training(const char *scratch)
{
    enum { rows = 64 };
    double x[2 * rows], y[rows], yhat[2];
    const char *texts[rows];
    struct heard heard = {0, 0, 0, 0.0, 0.0};
    handgrad_listener listener = {on_epoch, on_notice, NULL};
    handgrad_model *model = NULL;
    handgrad_table *table = NULL;
    size_t classes = 0;
    const char *name = NULL;
    int32_t chosen = -1;
    double shares[2] = {0.0, 0.0};
    int i;
    listener.user = &heard;
    for (i = 0; i < rows; ++i) {
        x[2 * i] = sin(i);
        x[2 * i + 1] = cos(3.0 * i);
        y[i] = x[2 * i] + 0.5 * x[2 * i + 1];
        texts[i] = y[i] > 0 ? "up" : "down";
    }
    OK(handgrad_train(x, rows, 2, y, 1, "hidden=8 epochs=30 lr=0.01 seed=1", 1, &listener, &model));
    CHECK(heard.epochs == 30 && heard.last_loss < heard.first_loss && heard.notices > 0);
    OK(handgrad_model_predict(model, x, 2, 2, yhat, 1));
    CHECK(fabs(yhat[0] - y[0]) < 0.5);
    OK(handgrad_model_free(model));

    heard.epochs = 0;
    heard.stop_after = 3;
    OK(handgrad_train(x, rows, 2, y, 1, "epochs=30", 0, &listener, &model));
    CHECK(heard.epochs == 3);
    OK(handgrad_model_fact(model, "epochs.run", &name));
    CHECK(name != NULL && strcmp(name, "3") == 0);
    OK(handgrad_model_free(model));

    FAILS(handgrad_train(x, rows, 2, y, 1, "epoch=30", 1, NULL, &model), HANDGRAD_USAGE,
          "handgrad_train: settings: 'epoch' is not a setting (did you mean 'epochs'?)");
    CHECK(model == NULL);
    FAILS(handgrad_train(x, rows, 2, y, 1, "target=x1", 1, NULL, &model), HANDGRAD_USAGE,
          "handgrad_train: settings: target is y here");
    FAILS(handgrad_train(x, 0, 2, y, 1, NULL, 1, NULL, &model), HANDGRAD_DATA, "handgrad_train: ");
    FAILS(handgrad_train(x, rows, 2, y, 1, "optimizer=sgd lr=1e30 epochs=9 dtype=f32 scale_target=off", 1, NULL,
                         &model),
          HANDGRAD_DIVERGED, "handgrad_train: ");
    FAILS(handgrad_train_file(path_of(scratch, "none.csv"), "target=y", 1, NULL, &model), HANDGRAD_IO,
          "handgrad_train_file: ");
    x[3] = (double)INFINITY;
    FAILS(handgrad_train(x, rows, 2, y, 1, "epochs=1", 1, NULL, &model), HANDGRAD_DATA, "handgrad_train: ");
    x[3] = cos(3.0);

    OK(handgrad_table_create(&table));
    OK(handgrad_table_add_numbers(table, "sum", y, rows));
    FAILS(handgrad_table_add_texts(table, "way", texts, rows - 1), HANDGRAD_USAGE,
          "handgrad_table_add_texts: rows is 63, the columns before have 64");
    OK(handgrad_table_add_texts(table, "way", texts, rows));
    FAILS(handgrad_table_add_texts(table, "way", texts, rows), HANDGRAD_USAGE,
          "handgrad_table_add_texts: the table has a column 'way' already");
    FAILS(handgrad_train_table(table, "target=way2 epochs=20", 1, NULL, &model), HANDGRAD_DATA,
          "handgrad_train_table: ");
    OK(handgrad_train_table(table, "target=way epochs=60 lr=0.01", 1, NULL, &model));
    OK(handgrad_table_free(table));
    OK(handgrad_model_sizes(model, NULL, NULL, NULL, &classes));
    CHECK(classes == 2);
    OK(handgrad_model_classify(model, &y[1], 1, 1, &chosen, shares, 2));
    CHECK(chosen >= 0 && handgrad_model_class_name(model, (size_t)chosen, &name) == HANDGRAD_OK);
    CHECK(name != NULL && strcmp(name, texts[1]) == 0 && fabs(shares[0] + shares[1] - 1.0) < 1e-12);
    FAILS(handgrad_model_classify(model, &y[1], 1, 1, &chosen, shares, 3), HANDGRAD_USAGE,
          "handgrad_model_classify: classes is 3, the model has 2");
    OK(handgrad_model_free(model));
}

int main(int argc, char **argv)
{
    char kept[64];
    if (argc != 3) {
        return 2;
    }
    CHECK(handgrad_last_error()[0] == '\0');
    CHECK(strcmp(handgrad_status_name(HANDGRAD_BAD_HANDLE), "HANDGRAD_BAD_HANDLE") == 0);
    CHECK(strcmp(handgrad_status_name((handgrad_status)77), "unknown status") == 0);
    test_files(argv[1], argv[2]);
    strncpy(kept, handgrad_last_error(), sizeof kept - 1);
    kept[sizeof kept - 1] = '\0';
    CHECK(handgrad_model_free(NULL) == HANDGRAD_OK && strncmp(handgrad_last_error(), kept, strlen(kept)) == 0);
    test_sizes_and_null(argv[1]);
    test_handles(argv[1]);
    test_networks();
    test_training(argv[2]);
    printf("%d checks, %d failed\n", checks, failures);
    return failures != 0;
}
