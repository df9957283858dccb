// The networks of folds have the model's shape, so that a tensor holds a parameter of all of them, one behind the
// other.
#include "handgrad/store/conformity_tensors.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/store/convention_names.hpp"
#include "handgrad/store/json.hpp"
#include "handgrad/store/parameter_tensors.hpp"

namespace handgrad {
namespace {

constexpr std::string_view prefix = "conformity.";
const std::string scores_name = "conformity.scores", places_name = "conformity.network_of",
                  features_name = "conformity.features", targets_name = "conformity.targets";
constexpr std::size_t feature_numbers = 3, target_numbers = 2;

using Shape = std::vector<std::size_t>;

template <class T>
constexpr TensorType type_of() {
    return sizeof(T) == sizeof(float) ? TensorType::f32 : TensorType::f64;
}

void add(TensorFile& file, const std::string& name, const Shape& shape, const std::vector<double>& numbers) {
    file.tensors.push_back({name, TensorType::f64, shape, std::string(number_bytes<double>(numbers))});
}

template <class T>
void add_networks(TensorFile& file, const Architecture& architecture, const std::vector<FoldNetwork>& networks) {
    std::size_t first = 0;
    for (const auto& [name, shape] : parameter_shapes(architecture)) {
        Tensor tensor{std::string(prefix) + name, type_of<T>(), shape, {}};
        const std::size_t count = tensor.count();
        tensor.shape.insert(tensor.shape.begin(), networks.size());
        for (const FoldNetwork& network : networks) {
            tensor.bytes += number_bytes<T>(std::get<BasicMlp<T>>(network.net).parameters().subspan(first, count));
        }
        first += count;
        file.tensors.push_back(std::move(tensor));
    }
}

/// Of each network and column what is imputed (0 for nothing), the shift and the scale; of each target the latter two.
void add_columns(TensorFile& file, const Preprocessing& columns, const std::vector<FoldNetwork>& networks) {
    std::vector<double> features, targets;
    for (const FoldNetwork& network : networks) {
        for (const FeatureColumn& feature : network.preprocessing.features) {
            features.insert(features.end(), {feature.impute.value_or(0.0), feature.shift, feature.scale});
        }
        for (const TargetColumn& target : network.preprocessing.targets) {
            targets.insert(targets.end(), {target.shift, target.scale});
        }
    }
    add(file, features_name, {networks.size(), columns.features.size(), feature_numbers}, features);
    add(file, targets_name, {networks.size(), columns.targets.size(), target_numbers}, targets);
}

/// Takes tensors by name, and knows at the end whether one was left.
class Reader {
public:
    Reader(const TensorFile& file, const Model& model, bool allow_nonfinite, const std::string& source)
        : file_(file), model_(model), allow_nonfinite_(allow_nonfinite), source_(source) {}

    Conformity read() {
        Conformity conformity;
        read_text(conformity.method);
        const Tensor& scores = tensor(scores_name, TensorType::f64);
        const bool classes = model_.preprocessing.task == Task::classification;
        const std::size_t columns = classes ? 1 : model_.preprocessing.targets.size();
        if (scores.shape.size() != 2 || scores.shape[0] == 0 || scores.shape[1] != columns) {
            fail("tensor '" + scores_name + "' is not rows x " + std::to_string(columns));
        }
        conformity.scores = Matrix<double>(scores.shape[0], columns);
        for (std::size_t i = 0; i < scores.count(); ++i) {
            const double score = scores.value(i);
            if (!(score >= 0.0) || std::isinf(score) || (classes && score > 1.0)) {
                fail("number " + std::to_string(i) + " of tensor '" + scores_name + "', " + format_number(score) +
                     ", is no score");
            }
            conformity.scores.values()[i] = score;
        }
        if (conformity.method != IntervalMethod::split) {
            read_networks(conformity);
        }
        finish();
        return conformity;
    }

private:
    [[noreturn]] void fail(const std::string& cause) const { throw Error(ErrorKind::model, source_ + ": " + cause); }

    const Tensor& tensor(const std::string& name, TensorType type) {
        const Tensor* found = file_.find(name);
        if (found == nullptr) {
            fail("tensor '" + name + "' is missing");
        }
        if (found->type != type) {
            fail("tensor '" + name + "' is of another type than it has in a model");
        }
        taken_.insert(found->name);
        return *found;
    }
    const Tensor& tensor(const std::string& name, TensorType type, const Shape& shape) {
        const Tensor& found = tensor(name, type);
        if (found.shape != shape) {
            fail("tensor '" + name + "' is not of the shape that the model asks for");
        }
        return found;
    }

    void read_text(IntervalMethod& method) const {
        const std::string place = source_ + ": " + std::string(conformity_key);
        const Json json = parse_json(file_.metadata.at(std::string(conformity_key)), place);
        const auto* fields = std::get_if<Json::Object>(&json.value);
        const std::string* text = nullptr;
        if (fields != nullptr && fields->size() == 1 && fields->front().first == "method") {
            text = std::get_if<std::string>(&fields->front().second.value);
        }
        const auto found = text == nullptr ? std::nullopt : find_convention<IntervalMethod>(*text);
        if (!found) {
            fail(std::string(conformity_key) + ": " + excerpt(to_text(json)) +
                 " does not name one of the methods that this version knows");
        }
        method = *found;
    }

    void read_networks(Conformity& conformity) {
        const std::size_t rows = conformity.scores.rows();
        const Tensor& first = tensor(features_name, TensorType::f64);
        if (first.shape.size() != 3 || first.shape[0] == 0) {
            fail("tensor '" + features_name + "' is not networks x columns x 3");
        }
        const std::size_t count = first.shape[0];
        read_places(conformity, rows, count);
        conformity.networks.assign(count, {.net = model_.net, .preprocessing = model_.preprocessing});
        read_columns(conformity.networks);
        if (model_.is_double()) {
            read_parameters_of<double>(conformity.networks);
        } else {
            read_parameters_of<float>(conformity.networks);
        }
    }

    void read_places(Conformity& conformity, std::size_t rows, std::size_t count) {
        const Tensor& places = tensor(places_name, TensorType::f64, {rows});
        for (std::size_t i = 0; i < rows; ++i) {
            const double place = places.value(i);
            if (!(place >= 0.0 && place < static_cast<double>(count)) || place != std::floor(place)) {
                fail("number " + std::to_string(i) + " of tensor '" + places_name + "', " + format_number(place) +
                     ", names none of " + std::to_string(count) + " networks");
            }
            conformity.network_of.push_back(static_cast<std::uint32_t>(place));
        }
    }

    double finite(const Tensor& tensor, std::size_t i, bool positive) const {
        const double value = tensor.value(i);
        if (!std::isfinite(value) || (positive && !(value > 0.0))) {
            fail("number " + std::to_string(i) + " of tensor '" + tensor.name + "', " + format_number(value) +
                 ", cannot be");
        }
        return value;
    }

    void read_columns(std::vector<FoldNetwork>& networks) {
        const Preprocessing& columns = model_.preprocessing;
        const Tensor& features =
            tensor(features_name, TensorType::f64, {networks.size(), columns.features.size(), feature_numbers});
        const Tensor& targets =
            tensor(targets_name, TensorType::f64, {networks.size(), columns.targets.size(), target_numbers});
        std::size_t f = 0, t = 0;
        for (FoldNetwork& network : networks) {
            for (FeatureColumn& feature : network.preprocessing.features) {
                const double impute = finite(features, f++, false);
                if (feature.impute) {
                    feature.impute = impute;
                }
                feature.shift = finite(features, f++, false);
                feature.scale = finite(features, f++, true);
            }
            for (TargetColumn& target : network.preprocessing.targets) {
                target.shift = finite(targets, t++, false);
                target.scale = finite(targets, t++, true);
            }
        }
    }

    template <class T>
    void read_parameters_of(std::vector<FoldNetwork>& networks) {
        std::size_t first = 0;
        for (const auto& [name, shape] : parameter_shapes(model_.architecture())) {
            Shape all = shape;
            all.insert(all.begin(), networks.size());
            const Tensor& stacked = tensor(std::string(prefix) + name, type_of<T>(), all);
            const std::size_t count = stacked.count() / networks.size();
            for (std::size_t k = 0; k < networks.size(); ++k) {
                const std::span<T> parameters =
                    std::get<BasicMlp<T>>(networks[k].net).parameters().subspan(first, count);
                for (std::size_t i = 0; i < count; ++i) {
                    const double value = stacked.value(k * count + i);
                    parameters[i] = static_cast<T>(allow_nonfinite_ ? value : finite(stacked, k * count + i, false));
                }
            }
            first += count;
        }
    }

    void finish() const {
        for (const Tensor& one : file_.tensors) {
            if (belongs_to_conformity(one.name) && !taken_.contains(one.name)) {
                fail("tensor '" + excerpt(one.name) + "' has no place in what its intervals are made of");
            }
        }
    }

    const TensorFile& file_;
    const Model& model_;
    bool allow_nonfinite_;
    const std::string& source_;
    std::set<std::string_view> taken_;
};

}  // namespace

bool belongs_to_conformity(std::string_view tensor) { return tensor.starts_with(prefix); }

void add_conformity(TensorFile& file, const Model& model) {
    const Conformity& conformity = model.conformity;
    if (conformity.empty()) {
        return;
    }
    const std::size_t before = file.tensors.size();
    const auto scores = conformity.scores.values();
    add(file, scores_name, {conformity.scores.rows(), conformity.scores.columns()}, {scores.begin(), scores.end()});
    if (conformity.method != IntervalMethod::split) {
        add(file, places_name, {conformity.network_of.size()},
            {conformity.network_of.begin(), conformity.network_of.end()});
        add_columns(file, model.preprocessing, conformity.networks);
        if (model.is_double()) {
            add_networks<double>(file, model.architecture(), conformity.networks);
        } else {
            add_networks<float>(file, model.architecture(), conformity.networks);
        }
    }
    Xxh3Stream hash;
    for (std::size_t i = before; i < file.tensors.size(); ++i) {
        hash.add(file.tensors[i].bytes);
    }
    file.metadata[std::string(conformity_hash_key)] = hash.hex();
    file.metadata[std::string(conformity_key)] =
        to_text(Json{Json::Object{{"method", Json{std::string(name(conformity.method))}}}});
}

void read_conformity(const TensorFile& file, Model& model, bool allow_nonfinite, const std::string& source) {
    model.conformity = Reader(file, model, allow_nonfinite, source).read();
}

}  // namespace handgrad
