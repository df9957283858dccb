// Tables to learn from, and training, for C.
#include <algorithm>

#include "c/boundary.hpp"
#include "c/objects.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/data/table_builder.hpp"
#include "handgrad/select/fit_with_intervals.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/settings_text.hpp"

namespace handgrad::c {
namespace {

/// A hint as a setting of C: `task=classification`.
std::string notice_text(const Notice& notice) {
    if (!notice.overruled_by) {
        return notice.text;
    }
    const SettingHint& hint = *notice.overruled_by;
    return notice.text + " (" + hint.name + (hint.value.empty() ? "" : "=" + hint.value) + " overrules)";
}

/// True to go on.
bool tell_epoch(const handgrad_listener& listener, const EpochReport& report) {
    if (listener.on_epoch == nullptr) {
        return true;
    }
    const handgrad_epoch epoch{.epoch = report.epoch,
                               .epochs = report.epochs,
                               .best_epoch = report.best_epoch,
                               .loss = report.loss,
                               .validation_loss = report.validation_loss,
                               .learning_rate = report.learning_rate,
                               .seconds = report.seconds};
    return listener.on_epoch(&epoch, listener.user) == 0;
}

FitCallbacks callbacks_of(const handgrad_listener& listener) {
    FitCallbacks callbacks;
    callbacks.on_notice = [&](const Notice& notice) {
        if (listener.on_notice != nullptr) {
            listener.on_notice(notice_text(notice).c_str(), listener.user);
        }
    };
    callbacks.on_epoch = [&](const EpochReport& report, const Metrics& /*validation*/) {
        return tell_epoch(listener, report);
    };
    callbacks.on_refit_epoch = [&](const EpochReport& report) { return tell_epoch(listener, report); };
    return callbacks;
}

/// What a training is to be of, beside its table.
struct Order {
    const char* function;
    const char* settings;
    std::size_t threads;
    const handgrad_listener* listener;

    [[nodiscard]] FitOptions options() const {
        FitOptions options = parse_fit_options(settings == nullptr ? "" : settings, "settings");
        options.training.execution.threads = threads;
        return options;
    }
};

/// A model that says no numbers of its rows is none to be used.
std::unique_ptr<ModelObject> trained(const Order& order, const Table& table, const FitOptions& options) {
    const handgrad_listener nobody{};
    FitResult result = selection::fit_with_intervals(
        table, options, callbacks_of(order.listener == nullptr ? nobody : *order.listener));
    if (result.diverged) {
        throw Error(ErrorKind::diverged, *result.diverged);
    }
    if (!result.usable && !options.training.allow_nonfinite) {
        throw Error(ErrorKind::diverged, "what the model says of the rows that it learned from are no numbers");
    }
    return std::make_unique<ModelObject>(std::move(result.model));
}

Table table_of(TableObject& object, const FitOptions& options) {
    const std::scoped_lock lock(object.mutex);
    TableBuilder builder("the table", options.reading);
    for (const TableObject::Column& column : object.columns) {
        if (const auto* numbers = std::get_if<std::vector<double>>(&column.cells)) {
            builder.add_numbers(column.name, *numbers);
        } else {
            const auto& texts = std::get<std::vector<std::optional<std::string>>>(column.cells);
            const std::vector<std::optional<std::string_view>> views(texts.begin(), texts.end());
            builder.add_cells(column.name, views);
        }
    }
    return builder.finish();
}

/// Column `index` of a row-major matrix.
std::vector<double> column_of(std::span<const double> values, std::size_t columns, std::size_t index) {
    std::vector<double> column;
    for (std::size_t at = index; at < values.size(); at += columns) {
        column.push_back(values[at]);
    }
    return column;
}

/// `y`, or `y1`, `y2` … where there are several.
std::string target_name(std::size_t index, std::size_t count) {
    return count == 1 ? "y" : "y" + std::to_string(index + 1);
}

std::size_t rows_of(const TableObject::Column& column) {
    return std::visit([](const auto& cells) { return cells.size(); }, column.cells);
}

/// Adds what `make` copies.
template <class Make>
handgrad_status add_column(const char* function, handgrad_table* table, const char* name, std::size_t rows,
                           Make&& make) noexcept {
    return guarded(function, [&] {
        require(function, "name", name);
        const Held<TableObject> held(function, "table", table);
        const std::scoped_lock lock(held->mutex);
        std::vector<TableObject::Column>& columns = held->columns;
        if (std::ranges::find(columns, name, &TableObject::Column::name) != columns.end()) {
            refuse(function, "the table has a column '" + std::string(name) + "' already");
        }
        if (!columns.empty()) {
            require_size(function, "rows", rows, "the columns before have", rows_of(columns.front()));
        }
        columns.push_back({.name = name, .cells = make()});
    });
}

}  // namespace
}  // namespace handgrad::c

using namespace handgrad::c;

extern "C" {

handgrad_status handgrad_table_create(handgrad_table** table) {
    return create(__func__, "table", table, [] { return std::make_unique<TableObject>(); });
}

handgrad_status handgrad_table_add_numbers(handgrad_table* table, const char* name, const double* numbers,
                                           size_t rows) {
    return add_column(__func__, table, name, rows, [&, function = __func__] {
        const std::span<const double> given = array(function, "numbers", numbers, rows, 1);
        return std::vector<double>(given.begin(), given.end());
    });
}

handgrad_status handgrad_table_add_texts(handgrad_table* table, const char* name, const char* const* texts,
                                         size_t rows) {
    return add_column(__func__, table, name, rows, [&, function = __func__] {
        std::vector<std::optional<std::string>> cells;
        for (const char* text : array(function, "texts", texts, rows, 1)) {
            cells.push_back(text == nullptr ? std::nullopt : std::optional<std::string>(text));
        }
        return cells;
    });
}

handgrad_status handgrad_table_free(handgrad_table* table) { return release<TableObject>(__func__, "table", table); }

handgrad_status handgrad_train(const double* x, size_t rows, size_t inputs, const double* y, size_t outputs,
                               const char* settings, size_t threads, const handgrad_listener* listener,
                               handgrad_model** model) {
    return create(__func__, "model", model, [&, function = __func__] {
        const Order order{function, settings, threads, listener};
        handgrad::FitOptions options = order.options();
        if (!options.columns.targets.empty()) {
            refuse(function, "settings: target is y here; leave it out");
        }
        const std::span<const double> of_x = array(function, "x", x, rows, inputs);
        const std::span<const double> of_y = array(function, "y", y, rows, outputs);
        handgrad::TableBuilder builder("the rows", options.reading);
        for (std::size_t i = 0; i < inputs; ++i) {
            builder.add_numbers("x" + std::to_string(i + 1), column_of(of_x, inputs, i));
        }
        for (std::size_t k = 0; k < outputs; ++k) {
            options.columns.targets.push_back(target_name(k, outputs));
            builder.add_numbers(options.columns.targets.back(), column_of(of_y, outputs, k));
        }
        return trained(order, builder.finish(), options);
    });
}

handgrad_status handgrad_train_table(const handgrad_table* table, const char* settings, size_t threads,
                                     const handgrad_listener* listener, handgrad_model** model) {
    return create(__func__, "model", model, [&, function = __func__] {
        const Order order{function, settings, threads, listener};
        const handgrad::FitOptions options = order.options();
        const Held<TableObject> held(function, "table", table);
        return trained(order, table_of(*held, options), options);
    });
}

handgrad_status handgrad_train_file(const char* path, const char* settings, size_t threads,
                                    const handgrad_listener* listener, handgrad_model** model) {
    return create(__func__, "model", model, [&, function = __func__] {
        require(function, "path", path);
        const Order order{function, settings, threads, listener};
        const handgrad::FitOptions options = order.options();
        return trained(order, handgrad::read_table(path, options.reading), options);
    });
}
}
