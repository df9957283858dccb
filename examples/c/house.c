/* A model from C: learned from columns of numbers and texts, written to a file, read back, asked for values and slopes. */
#include <stdio.h>
#include <stdlib.h>

#include <handgrad.h>

/* What a program does about a failure is its own choice: this one says it and ends. */
static void must(handgrad_status status)
{
    if (status != HANDGRAD_OK) {
        fprintf(stderr, "%s: %s\n", handgrad_status_name(status), handgrad_last_error());
        exit(status);
    }
}

static int tell(const handgrad_epoch *epoch, void *user)
{
    (void)user;
    if (epoch->epoch % 100 == 0) {
        printf("epoch %3d\n", (int)epoch->epoch);
    }
    return 0; /* go on */
}

enum { houses = 120 };

static handgrad_model *learn(void)
{
    static const char *const cities[3] = {"Rome", "Oslo", "Lima"};
    static const double of_city[3] = {3.0, 4.0, 2.0}; /* thousands a square metre */
    double area[houses], price[houses];
    const char *city[houses];
    const handgrad_listener listener = {tell, NULL, NULL};
    handgrad_table *table = NULL;
    handgrad_model *model = NULL;
    int i;
    for (i = 0; i < houses; ++i) {
        area[i] = 40 + (37 * i) % 100;
        city[i] = cities[i % 3];
        price[i] = of_city[i % 3] * area[i];
    }
    must(handgrad_table_create(&table));
    must(handgrad_table_add_numbers(table, "area", area, houses));
    must(handgrad_table_add_texts(table, "city", city, houses));
    must(handgrad_table_add_numbers(table, "price", price, houses));
    must(handgrad_train_table(table, "target=price task=regression hidden=16 hidden_activation=tanh epochs=300 lr=0.01", 0,
                              &listener, &model));
    must(handgrad_table_free(table));
    return model;
}

int main(void)
{
    handgrad_model *model = learn();
    const handgrad_cell house[2] = {{NULL, 100.0}, {"Oslo", 0.0}}; /* area, city: as the model's columns are */
    size_t columns, inputs, outputs, j;
    double price, *J;
    must(handgrad_model_save(model, "house.model"));
    must(handgrad_model_free(model));
    must(handgrad_model_load("house.model", &model));
    must(handgrad_model_sizes(model, &columns, &inputs, &outputs, NULL));
    J = malloc(outputs * inputs * sizeof *J);
    if (J == NULL) {
        return HANDGRAD_MEMORY;
    }
    must(handgrad_model_jacobian_cells(model, house, 1, columns, &price, outputs, J, inputs));
    printf("100 square metres in Oslo: %.0f thousand\n", price);
    for (j = 0; j < inputs; ++j) {
        const char *name;
        must(handgrad_model_input_name(model, j, &name));
        if (j == 0) {
            printf("d(price)/d(%s): %.1f\n", name, J[j]);
        }
    }
    free(J);
    must(handgrad_model_free(model));
    if (handgrad_model_free(model) == HANDGRAD_BAD_HANDLE) {
        printf("%s\n", handgrad_last_error());
    }
    return 0;
}
