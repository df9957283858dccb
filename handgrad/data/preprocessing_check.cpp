// Columns are checked one by one, then their names together, then what the task asks for.
#include "handgrad/data/preprocessing_check.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>

#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/number_like.hpp"
#include "handgrad/data/table_form.hpp"

namespace handgrad {
namespace {

void require(bool good, const std::string& cause) {
    if (!good) {
        throw Error(ErrorKind::data, cause);
    }
}

void check_name(const std::string& name, const std::string& what) {
    require(!name.empty(), "a " + what + " has no name");
    require(name.size() <= limits::name_bytes, "the name " + in_quotes(name) + " of a " + what + " has " +
                                                   std::to_string(name.size()) + " bytes; at most " +
                                                   std::to_string(limits::name_bytes) + " are read");
}

/// x ↦ (x − shift)/scale must have a slope, and one that can be inverted.
void check_scaling(double shift, double scale, const std::string& place) {
    require(std::isfinite(shift), "the shift of " + place + " must be finite");
    require(scale > 0.0, "the scale of " + place + " must be positive");
    require(std::isnormal(scale), "the scale of " + place + " is " + format_number(scale) +
                                      ", by which nothing can be divided without overflow");
}

/// Texts in the order of their bytes, none twice.
bool in_order(std::span<const std::string> texts) { return std::ranges::is_sorted(texts, std::less_equal<>{}); }

void check_feature(const FeatureColumn& feature) {
    check_name(feature.name, "feature");
    const std::string place = "feature " + in_quotes(feature.name);
    check_scaling(feature.shift, feature.scale, place);
    require(!feature.impute || std::isfinite(*feature.impute),
            "what stands for a missing number of " + place + " must be finite");
    std::span<const std::string> categories = feature.categories;
    if (!feature.missing_as.empty()) {
        require(!categories.empty() && categories.back() == feature.missing_as,
                "the category of missing cells of " + place + " is not its last");
        categories = categories.first(categories.size() - 1);
        require(std::ranges::find(categories, feature.missing_as) == categories.end(),
                "a category of " + place + " stands twice");
    }
    require(std::set<std::string_view>(categories.begin(), categories.end()).size() == categories.size(),
            "a category of " + place + " stands twice");
    require(in_order(categories), "the categories of " + place + " are not in the order of their bytes");
    require(categories.size() <= limits::categories, place + " has " + std::to_string(categories.size()) +
                                                         " categories; at most " + std::to_string(limits::categories) +
                                                         " are read");
    const bool plain = feature.shift == 0.0 && feature.scale == 1.0 && !feature.impute && feature.unit.empty();
    require(!feature.categorical() || plain, place + " has categories, which are neither scaled nor imputed");
}

/// Every column has one part to play.
void check_names(const Preprocessing& p) {
    std::set<std::string_view> names;
    const auto take = [&](const std::string& name) {
        require(names.insert(name).second, "the column " + in_quotes(name) + " stands twice");
    };
    for (const FeatureColumn& feature : p.features) {
        take(feature.name);
    }
    for (const TargetColumn& target : p.targets) {
        take(target.name);
    }
    if (!p.weight.empty()) {
        check_name(p.weight, "weight");
        take(p.weight);
    }
    for (const auto* others : {&p.dropped, &p.ids}) {
        for (const std::string& name : *others) {
            require(!names.contains(name), "the column " + in_quotes(name) + " is used and left out at once");
        }
    }
}

/// Labels as the fit has them: numbers by value, texts by their bytes.
void check_classes(const Preprocessing& p) {
    require(!p.classes.empty(), "there are no classes");
    require(p.classes.size() <= limits::classes,
            std::to_string(p.classes.size()) + " classes; at most " + std::to_string(limits::classes) + " are read");
    require(std::set<std::string_view>(p.classes.begin(), p.classes.end()).size() == p.classes.size(),
            "a class stands twice");
    if (!p.numeric_classes) {
        require(in_order(p.classes), "the classes are not in the order of their bytes");
        return;
    }
    const NumberReader reader(p.reading);
    std::optional<double> before;
    for (const std::string& label : p.classes) {
        const ParsedNumber number = reader.read(trimmed(label));
        const bool read = number.problem == NumberProblem::none || number.problem == NumberProblem::underflow;
        require(read, "the class " + in_quotes(label) + " is not a number, as the others are said to be");
        require(!before || *before < number.value, "the classes are not in the order of their numbers");
        before = number.value;
    }
}

void check_task(const Preprocessing& p) {
    if (p.task == Task::classification) {
        require(p.targets.size() == 1, "a classification has one target");
        check_classes(p);
        require(!p.one_output || p.classes.size() == 2, "one output serves two classes only");
    } else {
        require(p.classes.empty() && !p.one_output && !p.numeric_classes,
                std::string(p.task == Task::regression ? "a regression" : "a multilabel task") + " has no classes");
    }
    require(p.class_weights.empty() || p.class_weights.size() == p.classes.size(),
            "there are " + std::to_string(p.class_weights.size()) + " weights for " + std::to_string(p.classes.size()) +
                " classes");
    for (const double weight : p.class_weights) {
        require(std::isfinite(weight) && weight > 0.0,
                "the weight " + format_number(weight) + " of a class is not finite and above 0");
    }
    const bool scaled = std::ranges::any_of(
        p.targets, [](const TargetColumn& target) { return target.shift != 0.0 || target.scale != 1.0; });
    require(!scaled || p.task == Task::regression, "classes are not scaled");
}

}  // namespace

void check(const Preprocessing& preprocessing) {
    require(!preprocessing.features.empty(), "there are no features");
    require(!preprocessing.targets.empty(), "there are no targets");
    for (const FeatureColumn& feature : preprocessing.features) {
        check_feature(feature);
    }
    for (const TargetColumn& target : preprocessing.targets) {
        check_name(target.name, "target");
        check_scaling(target.shift, target.scale, "target " + in_quotes(target.name));
    }
    check_names(preprocessing);
    try {
        check_marks(preprocessing.reading);
    } catch (const Error& error) {
        throw Error(ErrorKind::data, std::string("reading: ") + error.what());
    }
    check_task(preprocessing);
}

}  // namespace handgrad
