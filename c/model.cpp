// A model with its columns, for C.
#include <cmath>

#include "c/boundary.hpp"
#include "c/objects.hpp"
#include "handgrad/data/raw_row.hpp"

namespace handgrad::c {
namespace {

/// The rows of `count` cells, as C has them.
struct Rows {
    std::size_t rows, columns;
};

void check_sizes(const char* function, const ModelPredictor& model, std::size_t columns, std::size_t outputs) {
    require_size(function, "columns", columns, "the model's rows have", model.columns().size());
    require_size(function, "outputs", outputs, "the model puts out", model.outputs().size());
}

/// Hands one row after the other to `use`, with its index: numbers as they are …
template <class Use>
void for_each_row(std::span<const double> x, const Rows& size, Use&& use) {
    for (std::size_t row = 0; row < size.rows; ++row) {
        use(row, RawRow(x.subspan(row * size.columns, size.columns)));
    }
}

Cell cell_of(const handgrad_cell& cell) { return cell.text == nullptr ? Cell(cell.number) : Cell(cell.text); }

/// … and cells in the library's form, so many on the stack; of wider rows a thread keeps room.
constexpr std::size_t cells_on_stack = 64;

template <class Use>
void for_each_row(std::span<const handgrad_cell> x, const Rows& size, Use&& use) {
    std::array<Cell, cells_on_stack> few;
    std::span<Cell> cells(few);
    if (size.columns > few.size()) {
        thread_local std::vector<Cell> many;
        if (many.size() < size.columns) {
            many.resize(size.columns);
        }
        cells = many;
    }
    cells = cells.first(size.columns);
    for (std::size_t row = 0; row < size.rows; ++row) {
        for (std::size_t i = 0; i < size.columns; ++i) {
            cells[i] = cell_of(x[row * size.columns + i]);
        }
        use(row, RawRow(std::span<const Cell>(cells)));
    }
}

/// Where it stands among several rows is said in front of what is wrong with it.
template <class Use>
void in_row(std::size_t row, std::size_t rows, Use&& use) {
    try {
        std::forward<Use>(use)();
    } catch (const Error& error) {
        if (rows == 1 || error.kind() != ErrorKind::data) {
            throw;
        }
        Error placed(error.kind(), "row " + std::to_string(row) + " (counted from 0): " + error.what());
        for (const SettingHint& hint : error.settings()) {
            placed = std::move(placed).about(hint.name, hint.value);
        }
        throw placed;
    }
}

template <class Cells>
handgrad_status predict(const char* function, const handgrad_model* handle, const Cells* x, Rows size, double* yhat,
                        std::size_t outputs) noexcept {
    return guarded(function, [&] {
        const Held<ModelObject> model(function, "model", handle);
        check_sizes(function, model->predictor, size.columns, outputs);
        const std::span<const Cells> cells = array(function, "x", x, size.rows, size.columns);
        const std::span<double> to = array(function, "yhat", yhat, size.rows, outputs);
        for_each_row(cells, size, [&](std::size_t row, const RawRow& raw) {
            in_row(row, size.rows, [&] { model->predictor.predict(raw, to.subspan(row * outputs, outputs)); });
        });
    });
}

template <class Cells>
handgrad_status classify(const char* function, const handgrad_model* handle, const Cells* x, Rows size,
                         std::int32_t* chosen, double* probabilities, std::size_t classes) noexcept {
    return guarded(function, [&] {
        const Held<ModelObject> model(function, "model", handle);
        const ModelPredictor& predictor = model->predictor;
        require_size(function, "columns", size.columns, "the model's rows have", predictor.columns().size());
        if (predictor.task() == Task::classification) {
            require_size(function, "classes", classes, "the model has", predictor.classes().size());
        }
        const std::span<const Cells> cells = array(function, "x", x, size.rows, size.columns);
        const std::span<std::int32_t> to = array(function, "chosen", chosen, size.rows, 1);
        std::span<double> shares;
        if (probabilities != nullptr) {
            shares = array(function, "probabilities", probabilities, size.rows, classes);
        }
        for_each_row(cells, size, [&](std::size_t row, const RawRow& raw) {
            const std::span<double> of_row = shares.empty() ? shares : shares.subspan(row * classes, classes);
            in_row(row, size.rows, [&] { to[row] = static_cast<std::int32_t>(predictor.classify(raw, of_row).index); });
        });
    });
}

template <class Cells>
handgrad_status jacobian(const char* function, const handgrad_model* handle, const Cells* x, Rows size, double* yhat,
                         std::size_t outputs, double* J, std::size_t inputs) noexcept {
    return guarded(function, [&] {
        const Held<ModelObject> model(function, "model", handle);
        check_sizes(function, model->predictor, size.columns, outputs);
        require_size(function, "inputs", inputs, "the model has", model->predictor.inputs().size());
        const std::span<const Cells> cells = array(function, "x", x, size.rows, size.columns);
        const std::span<double> to = array(function, "yhat", yhat, size.rows, outputs);
        const std::span<double> slopes = array(function, "J", J, size.rows, outputs * inputs);
        for_each_row(cells, size, [&](std::size_t row, const RawRow& raw) {
            in_row(row, size.rows, [&] {
                model->predictor.jacobian(raw, to.subspan(row * outputs, outputs),
                                          MatrixView<double>(slopes.data() + row * outputs * inputs, outputs, inputs));
            });
        });
    });
}

template <class Cells>
handgrad_status hessian(const char* function, const handgrad_model* handle, const Cells* x, Rows size, double* yhat,
                        std::size_t outputs, double* H, std::size_t inputs) noexcept {
    return guarded(function, [&] {
        const Held<ModelObject> model(function, "model", handle);
        check_sizes(function, model->predictor, size.columns, outputs);
        require_size(function, "inputs", inputs, "the model has", model->predictor.inputs().size());
        const std::span<const Cells> cells = array(function, "x", x, size.rows, size.columns);
        const std::span<double> to = array(function, "yhat", yhat, size.rows, outputs);
        const std::size_t of_row = outputs * inputs * inputs;
        const std::span<double> bends = array(function, "H", H, size.rows, of_row);
        for_each_row(cells, size, [&](std::size_t row, const RawRow& raw) {
            in_row(row, size.rows, [&] {
                model->predictor.hessian(raw, to.subspan(row * outputs, outputs), bends.subspan(row * of_row, of_row));
            });
        });
    });
}

/// One of a model's names.
handgrad_status name_at(const char* function, const handgrad_model* handle, std::size_t index, const char** name,
                        std::span<const std::string> (ModelPredictor::*names)() const, const char* what) noexcept {
    return guarded(function, [&] {
        require(function, "name", name);
        *name = nullptr;
        const Held<ModelObject> model(function, "model", handle);
        const std::span<const std::string> all = (model->predictor.*names)();
        if (index >= all.size()) {
            refuse(function, "index is " + std::to_string(index) + " (counted from 0), the model has " +
                                 std::to_string(all.size()) + " " + what);
        }
        *name = all[index].c_str();
    });
}

}  // namespace
}  // namespace handgrad::c

using namespace handgrad::c;
using handgrad::ModelPredictor;

extern "C" {

handgrad_status handgrad_model_load(const char* path, handgrad_model** model) {
    return create(__func__, "model", model, [&, function = __func__] {
        require(function, "path", path);
        return std::make_unique<ModelObject>(handgrad::load_model(path));
    });
}

handgrad_status handgrad_model_save(const handgrad_model* model, const char* path) {
    return guarded(__func__, [&, function = __func__] {
        require(function, "path", path);
        handgrad::save_model(path, Held<ModelObject>(function, "model", model)->model);
    });
}

handgrad_status handgrad_model_free(handgrad_model* model) { return release<ModelObject>(__func__, "model", model); }

handgrad_status handgrad_model_task(const handgrad_model* model, handgrad_task* task) {
    return guarded(__func__, [&, function = __func__] {
        require(function, "task", task);
        switch (Held<ModelObject>(function, "model", model)->predictor.task()) {
            case handgrad::Task::regression:
                *task = HANDGRAD_REGRESSION;
                break;
            case handgrad::Task::classification:
                *task = HANDGRAD_CLASSIFICATION;
                break;
            case handgrad::Task::multilabel:
                *task = HANDGRAD_MULTILABEL;
                break;
        }
    });
}

handgrad_status handgrad_model_sizes(const handgrad_model* model, size_t* columns, size_t* inputs, size_t* outputs,
                                     size_t* classes) {
    return guarded(__func__, [&, function = __func__] {
        const Held<ModelObject> held(function, "model", model);
        tell(columns, held->predictor.columns().size());
        tell(inputs, held->predictor.inputs().size());
        tell(outputs, held->predictor.outputs().size());
        tell(classes, held->predictor.classes().size());
    });
}

handgrad_status handgrad_model_column_name(const handgrad_model* model, size_t index, const char** name) {
    return name_at(__func__, model, index, name, &ModelPredictor::columns, "columns");
}
handgrad_status handgrad_model_input_name(const handgrad_model* model, size_t index, const char** name) {
    return name_at(__func__, model, index, name, &ModelPredictor::inputs, "inputs");
}
handgrad_status handgrad_model_output_name(const handgrad_model* model, size_t index, const char** name) {
    return name_at(__func__, model, index, name, &ModelPredictor::outputs, "outputs");
}
handgrad_status handgrad_model_class_name(const handgrad_model* model, size_t index, const char** name) {
    return name_at(__func__, model, index, name, &ModelPredictor::classes, "classes");
}

handgrad_status handgrad_model_column(const handgrad_model* model, const char* name, size_t* index) {
    return guarded(__func__, [&, function = __func__] {
        require(function, "name", name);
        require(function, "index", index);
        *index = Held<ModelObject>(function, "model", model)->predictor.column(name);
    });
}

handgrad_status handgrad_model_fact(const handgrad_model* model, const char* key, const char** text) {
    return guarded(__func__, [&, function = __func__] {
        require(function, "text", text);
        *text = nullptr;
        require(function, "key", key);
        const Held<ModelObject> held(function, "model", model);
        const auto found = held->model.provenance.find(key);
        if (found == held->model.provenance.end()) {
            refuse(function, "the model says nothing of '" + std::string(key) + "'");
        }
        *text = found->second.c_str();
    });
}

handgrad_status handgrad_model_predict(const handgrad_model* model, const double* x, size_t rows, size_t columns,
                                       double* yhat, size_t outputs) {
    return predict(__func__, model, x, {rows, columns}, yhat, outputs);
}
handgrad_status handgrad_model_predict_cells(const handgrad_model* model, const handgrad_cell* x, size_t rows,
                                             size_t columns, double* yhat, size_t outputs) {
    return predict(__func__, model, x, {rows, columns}, yhat, outputs);
}

handgrad_status handgrad_model_classify(const handgrad_model* model, const double* x, size_t rows, size_t columns,
                                        int32_t* chosen, double* probabilities, size_t classes) {
    return classify(__func__, model, x, {rows, columns}, chosen, probabilities, classes);
}
handgrad_status handgrad_model_classify_cells(const handgrad_model* model, const handgrad_cell* x, size_t rows,
                                              size_t columns, int32_t* chosen, double* probabilities, size_t classes) {
    return classify(__func__, model, x, {rows, columns}, chosen, probabilities, classes);
}

handgrad_status handgrad_model_jacobian(const handgrad_model* model, const double* x, size_t rows, size_t columns,
                                        double* yhat, size_t outputs, double* J, size_t inputs) {
    return jacobian(__func__, model, x, {rows, columns}, yhat, outputs, J, inputs);
}
handgrad_status handgrad_model_jacobian_cells(const handgrad_model* model, const handgrad_cell* x, size_t rows,
                                              size_t columns, double* yhat, size_t outputs, double* J, size_t inputs) {
    return jacobian(__func__, model, x, {rows, columns}, yhat, outputs, J, inputs);
}

handgrad_status handgrad_model_hessian(const handgrad_model* model, const double* x, size_t rows, size_t columns,
                                       double* yhat, size_t outputs, double* H, size_t inputs) {
    return hessian(__func__, model, x, {rows, columns}, yhat, outputs, H, inputs);
}
handgrad_status handgrad_model_hessian_cells(const handgrad_model* model, const handgrad_cell* x, size_t rows,
                                             size_t columns, double* yhat, size_t outputs, double* H, size_t inputs) {
    return hessian(__func__, model, x, {rows, columns}, yhat, outputs, H, inputs);
}
}
