// Networks as tensors by prefix, numbers that must keep every bit as F64 tensors, and the rest as one JSON text.
#include "handgrad/store/saved_training.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <set>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/store/json.hpp"
#include "handgrad/store/parameter_tensors.hpp"

namespace handgrad {
namespace {

constexpr std::string_view prefix = "training.";
constexpr const char* losses_name = "training.losses";
constexpr const char* numbers_name = "training.numbers";
constexpr const char* memory_name = "training.memory";
constexpr std::size_t most_moments = 2;
constexpr std::size_t loss_columns = 4;

std::string net_prefix(bool begun) { return std::string(prefix) + (begun ? "begun." : ""); }
std::string moment_prefix(bool begun, std::size_t i) {
    return net_prefix(begun) + "moment" + std::to_string(i + 1) + ".";
}

/// The numbers of `training.numbers`, in their order.
template <class Saved, class Field>
void for_each_number(Saved& saved, double& loss_sum, double& weight_sum, Field&& field) {
    field(saved.state.best_loss);
    field(saved.state.count.beta1_power);
    field(saved.state.count.beta2_power);
    field(saved.seconds);
    field(loss_sum);
    field(weight_sum);
}

// --- Writing --------------------------------------------------------------------------------------------------------

Tensor numbers_tensor(const char* name, std::vector<std::size_t> shape, const std::vector<double>& numbers) {
    return {name, TensorType::f64, std::move(shape), std::string(number_bytes<double>(numbers))};
}

Json whole(std::size_t number) { return Json{std::uint64_t{number}}; }
Json text_json(const std::string& text) { return Json{replace_invalid_utf8(text)}; }

Json first_json(const std::optional<FirstTraining>& first) {
    if (!first) {
        return Json{nullptr};
    }
    return Json{Json::Object{{"epochs", whole(first->epochs)},
                             {"best_epoch", whole(first->best_epoch)},
                             {"stopped", text_json(first->stopped)}}};
}

template <class T>
std::string counts_text(const SavedTraining<T>& saved) {
    const TrainState<T>& state = saved.state;
    Json::Object told;
    for (const auto& [name, values] : saved.told) {
        Json::Array list;
        std::ranges::transform(values, std::back_inserter(list), text_json);
        told.push_back({replace_invalid_utf8(name), Json{std::move(list)}});
    }
    const std::size_t batches = state.begun ? state.begun->batches : 0;
    Json::Object all{{"epoch", whole(state.epoch)},          {"best_epoch", whole(state.best_epoch)},
                     {"steps", whole(state.count.steps)},    {"moments", whole(state.moments.size())},
                     {"best", Json{state.best.has_value()}}, {"batches", whole(batches)},
                     {"first", first_json(saved.first)},     {"told", Json{std::move(told)}}};
    if (!state.memory.solver.empty()) {
        all.push_back({"solver", text_json(state.memory.solver)});
        all.push_back({"remembered", whole(state.memory.numbers.size())});
        all.push_back({"over", text_json(state.over ? std::string(name(*state.over)) : "")});
    }
    return to_text(Json{std::move(all)});
}

template <class T>
void add_networks(TensorFile& file, const TrainState<T>& state) {
    const auto add = [&](const BasicMlp<T>& net, const std::vector<BasicMlp<T>>& moments, bool begun) {
        add_parameters(file, net, net_prefix(begun) + "net.");
        for (std::size_t i = 0; i < moments.size(); ++i) {
            add_parameters(file, moments[i], moment_prefix(begun, i));
        }
    };
    add(state.net, state.moments, false);
    if (state.best) {
        add_parameters(file, *state.best, net_prefix(false) + "best.");
    }
    if (state.begun) {
        add(state.begun->net, state.begun->moments, true);
    }
}

template <class T>
void add(TensorFile& file, const SavedTraining<T>& saved) {
    const TrainState<T>& state = saved.state;
    add_networks(file, state);
    std::vector<double> losses, numbers;
    for (const EpochLosses& line : state.history) {
        losses.insert(losses.end(),
                      {static_cast<double>(line.epoch), line.loss, line.validation_loss, line.learning_rate});
    }
    double loss_sum = 0.0, weight_sum = 0.0;
    if (state.begun) {
        loss_sum = state.begun->loss_sum;
        weight_sum = state.begun->weight_sum;
    }
    for_each_number(saved, loss_sum, weight_sum, [&](double number) { numbers.push_back(number); });
    file.tensors.push_back(numbers_tensor(losses_name, {state.history.size(), loss_columns}, losses));
    file.tensors.push_back(numbers_tensor(numbers_name, {numbers.size()}, numbers));
    if (!state.memory.solver.empty()) {
        file.tensors.push_back(numbers_tensor(memory_name, {state.memory.numbers.size()}, state.memory.numbers));
    }
    file.metadata[std::string(saved_training_key)] = counts_text(saved);
}

// --- Reading --------------------------------------------------------------------------------------------------------

/// What the text says, before the tensors are looked at.
struct Counts {
    std::size_t epoch, best_epoch, steps, moments, batches;
    bool best;
    std::optional<FirstTraining> first{};
    std::map<std::string, std::vector<std::string>> told{};
    std::string solver{};  ///< that takes no mini-batch steps; empty for none
    std::size_t remembered = 0;
    std::optional<Stopped> over{};
};

class CountsReader {
public:
    CountsReader(const std::string& text, std::string place)
        : place_(std::move(place)), json_(parse_json(text, place_)) {}

    [[nodiscard]] Counts read() const {
        const Json::Object& all = object(json_);
        if (all.size() != 8 && all.size() != 11) {
            fail("it has " + std::to_string(all.size()) +
                 " fields, not the 8 of a training, nor the 11 of one of all rows at once");
        }
        Counts counts{.epoch = whole(all, "epoch"),
                      .best_epoch = whole(all, "best_epoch"),
                      .steps = whole(all, "steps"),
                      .moments = whole(all, "moments"),
                      .batches = whole(all, "batches"),
                      .best = get<bool>(member(all, "best"))};
        const Json& first = member(all, "first");
        if (!std::holds_alternative<std::nullptr_t>(first.value)) {
            counts.first = read_first(object(first));
        }
        if (all.size() > 8) {
            read_solver(all, counts);
        }
        for (const auto& [name, values] : object(member(all, "told"))) {
            for (const Json& value : get<Json::Array>(values)) {
                counts.told[name].push_back(get<std::string>(value));
            }
        }
        check(counts);
        return counts;
    }

private:
    [[noreturn]] void fail(const std::string& cause) const { throw Error(ErrorKind::model, place_ + ": " + cause); }

    template <class V>
    [[nodiscard]] const V& get(const Json& json) const {
        const auto* value = std::get_if<V>(&json.value);
        if (value == nullptr) {
            fail(excerpt(to_text(json)) + " stands where another kind of value belongs");
        }
        return *value;
    }
    [[nodiscard]] const Json::Object& object(const Json& json) const { return get<Json::Object>(json); }
    [[nodiscard]] const Json& member(const Json::Object& fields, std::string_view name) const {
        const auto found = std::ranges::find(fields, name, &Json::Object::value_type::first);
        if (found == fields.end()) {
            fail("the field '" + std::string(name) + "' is missing");
        }
        return found->second;
    }
    [[nodiscard]] std::size_t whole(const Json::Object& fields, std::string_view name) const {
        return get<std::uint64_t>(member(fields, name));
    }
    void read_solver(const Json::Object& fields, Counts& counts) const {
        counts.solver = get<std::string>(member(fields, "solver"));
        counts.remembered = whole(fields, "remembered");
        const auto& over = get<std::string>(member(fields, "over"));
        counts.over = find_stopped(over);
        if (counts.solver.empty() || (!over.empty() && !counts.over)) {
            fail("what it says of its solver cannot be");
        }
    }
    [[nodiscard]] FirstTraining read_first(const Json::Object& fields) const {
        FirstTraining first{.epochs = whole(fields, "epochs"),
                            .best_epoch = whole(fields, "best_epoch"),
                            .stopped = get<std::string>(member(fields, "stopped"))};
        const std::optional<Stopped> stopped = find_stopped(first.stopped);
        if (fields.size() != 3 || first.best_epoch > first.epochs || !stopped || stopped == Stopped::callback) {
            fail("what it says of the first training cannot be");
        }
        return first;
    }
    void check(const Counts& counts) const {
        if (counts.best_epoch > counts.epoch) {
            fail("its best epoch, " + std::to_string(counts.best_epoch) + ", comes after the last, " +
                 std::to_string(counts.epoch));
        }
        if (counts.moments > most_moments) {
            fail("no optimizer remembers " + std::to_string(counts.moments) + " numbers of each parameter");
        }
    }

    std::string place_;
    Json json_;
};

/// Takes the tensors by name, and knows at the end whether one was left.
template <class T>
class TensorsReader {
public:
    TensorsReader(const TensorFile& file, const Architecture& architecture, const std::string& source)
        : file_(file), architecture_(architecture), source_(source) {}

    [[nodiscard]] BasicMlp<T> net(const std::string& before) {
        check_shapes(file_, architecture_, source_, before);
        for (const auto& [name, shape] : parameter_shapes(architecture_)) {
            check_type(*file_.find(before + name), type);
        }
        return read_parameters<T>(file_, architecture_, true, source_, before);
    }
    [[nodiscard]] std::vector<BasicMlp<T>> moments(bool begun, std::size_t count) {
        std::vector<BasicMlp<T>> moments;
        for (std::size_t i = 0; i < count; ++i) {
            moments.push_back(net(moment_prefix(begun, i)));
        }
        return moments;
    }
    [[nodiscard]] std::vector<double> numbers(const char* name, const std::vector<std::size_t>& shape) {
        const Tensor* tensor = file_.find(name);
        if (tensor == nullptr || tensor->shape != shape) {
            fail(source_ + ": tensor '" + name + "' is missing, or not of the shape that its counts ask for");
        }
        check_type(*tensor, TensorType::f64);
        std::vector<double> numbers(tensor->count());
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            numbers[i] = tensor->value(i);
        }
        return numbers;
    }
    /// Raises Error(model) for a tensor that nobody asked for.
    void finish() const {
        for (const Tensor& tensor : file_.tensors) {
            if (belongs_to_training(tensor.name) && !taken_.contains(tensor.name)) {
                fail(source_ + ": tensor '" + excerpt(tensor.name) +
                     "' has no place in the training that it describes");
            }
        }
    }

private:
    static constexpr TensorType type = std::is_same_v<T, float> ? TensorType::f32 : TensorType::f64;

    [[noreturn]] static void fail(const std::string& message) { throw Error(ErrorKind::model, message); }
    void check_type(const Tensor& tensor, TensorType wanted) {
        taken_.insert(tensor.name);
        if (tensor.type != wanted) {
            fail(source_ + ": tensor '" + tensor.name + "' is of another type than the model");
        }
    }

    const TensorFile& file_;
    const Architecture& architecture_;
    const std::string& source_;
    std::set<std::string_view> taken_;
};

std::vector<EpochLosses> history_of(const std::vector<double>& numbers, const std::string& source) {
    std::vector<EpochLosses> history;
    for (std::size_t i = 0; i < numbers.size(); i += loss_columns) {
        const std::size_t epoch = i / loss_columns + 1;
        if (numbers[i] != static_cast<double>(epoch)) {
            throw Error(ErrorKind::model,
                        source + ": line " + std::to_string(epoch) + " of '" + losses_name + "' is of another epoch");
        }
        history.push_back({.epoch = epoch,
                           .loss = numbers[i + 1],
                           .validation_loss = numbers[i + 2],
                           .learning_rate = numbers[i + 3]});
    }
    return history;
}

template <class T>
SavedTraining<T> read(const TensorFile& file, const Architecture& architecture, const std::string& source) {
    const Counts counts = CountsReader(file.metadata.at(std::string(saved_training_key)), source + ": training").read();
    TensorsReader<T> tensors(file, architecture, source);
    // One after the other: where a later part of nested braces throws, GCC 12 destroys an earlier one twice.
    SavedTraining<T> saved;
    saved.first = counts.first;
    saved.told = counts.told;
    TrainState<T>& state = saved.state;
    state.net = tensors.net(net_prefix(false) + "net.");
    state.moments = tensors.moments(false, counts.moments);
    state.count.steps = counts.steps;
    state.epoch = counts.epoch;
    state.best_epoch = counts.best_epoch;
    if (counts.best) {
        state.best = tensors.net(net_prefix(false) + "best.");
    }
    state.history = history_of(tensors.numbers(losses_name, {counts.epoch, loss_columns}), source);
    if (!counts.solver.empty()) {
        state.memory = {.solver = counts.solver, .numbers = tensors.numbers(memory_name, {counts.remembered})};
        state.over = counts.over;
    }
    double loss_sum = 0.0, weight_sum = 0.0;
    std::size_t many = 0;
    for_each_number(saved, loss_sum, weight_sum, [&](double /*number*/) { ++many; });
    const std::vector<double> numbers = tensors.numbers(numbers_name, {many});
    auto next = numbers.begin();
    for_each_number(saved, loss_sum, weight_sum, [&](double& number) { number = *next++; });
    const bool powers = std::abs(state.count.beta1_power) <= 1.0 && std::abs(state.count.beta2_power) <= 1.0;
    if (!powers || std::isnan(state.best_loss) || !(saved.seconds >= 0.0) || !std::isfinite(saved.seconds)) {
        throw Error(ErrorKind::model, source + ": the numbers of '" + numbers_name + "' cannot be");
    }
    if (counts.batches > 0) {
        BegunEpoch<T>& begun = state.begun.emplace();
        begun.batches = counts.batches;
        begun.loss_sum = loss_sum;
        begun.weight_sum = weight_sum;
        begun.net = tensors.net(net_prefix(true) + "net.");
        begun.moments = tensors.moments(true, counts.moments);
    }
    tensors.finish();
    return saved;
}

}  // namespace

bool belongs_to_training(std::string_view tensor) { return tensor.starts_with(prefix); }

void add_saved_training(TensorFile& file, const Model& model) {
    std::visit(
        [&]<class S>(const S& saved) {
            if constexpr (!std::is_same_v<S, std::monostate>) {
                add(file, saved);
            }
        },
        model.training);
}

void read_saved_training(const TensorFile& file, Model& model, const std::string& source) {
    if (model.is_double()) {
        model.training = read<double>(file, model.architecture(), source);
    } else {
        model.training = read<float>(file, model.architecture(), source);
    }
}

}  // namespace handgrad
