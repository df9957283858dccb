// Messages about a cell that the network cannot be given.
#include "handgrad/data/feature_cells.hpp"

#include <algorithm>
#include <utility>

#include "handgrad/base/suggest.hpp"
#include "handgrad/data/cells.hpp"

namespace handgrad {

CellProblem missing_number_cause(std::string_view such_rows) {
    return {"missing" + std::string(such_rows) +
                ", and the model was trained without imputation; fill it in, or train with it",
            {{"impute", "mean"}}};
}

CellProblem missing_category_cause(const FeatureColumn& feature, std::string_view such_rows) {
    return {"missing" + std::string(such_rows) + ", and the model has no category for that; fill it in with one of " +
                listed(feature.categories) + ", or count it as a category that is not known",
            {{"unknown", "ignore"}}};
}

CellProblem unknown_category_cause(const FeatureColumn& feature, const std::string& text, std::string_view such_rows) {
    return {in_quotes(text) + " is not a category that the model knows" + std::string(such_rows) +
                did_you_mean(text, feature.categories) + "; it knows " + listed(feature.categories) +
                "; correct it, or let 0 stand in all inputs of its column",
            {{"unknown", "ignore"}}};
}

bool same_unit(std::string_view one, std::string_view other) {
    constexpr std::pair<std::string_view, std::string_view> signs[] = {{"€", "EUR"},  {"$", "USD"}, {"US$", "USD"},
                                                                       {"£", "GBP"},  {"¥", "JPY"}, {"₹", "INR"},
                                                                       {"zł", "PLN"}, {"Kč", "CZK"}};
    const auto code = [&](std::string_view unit) {
        const auto* const found = std::ranges::find(signs, unit, [](const auto& sign) { return sign.first; });
        return found == std::end(signs) ? unit : found->second;
    };
    return code(one) == code(other);
}

std::string other_unit_cause(const FeatureColumn& feature, std::string_view unit) {
    return "its numbers are in " + in_quotes(unit) + ", and the model learned them in " + in_quotes(feature.unit) +
           "; convert them";
}

CellProblem infinite_cause(double number) {
    return {format_number(number) + " is not finite; correct it, or leave out the row"};
}

template <class T>
CellProblem too_large_cause(double number, double value) {
    const std::string cause =
        format_number(number) + " becomes " + format_number(value) + " when scaled, too large for ";
    if (sizeof(T) < sizeof(double) && std::isfinite(value)) {
        return {cause + "single precision; compute in double precision, or rescale the column", {{"dtype", "f64"}}};
    }
    return {cause + "a number of the model; rescale the column"};
}

template CellProblem too_large_cause<float>(double, double);
template CellProblem too_large_cause<double>(double, double);

}  // namespace handgrad
