// A calculator for the text of formulas, so that what is printed can be compared with what is computed.
#pragma once

#include <cassert>
#include <cctype>
#include <cmath>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace handgrad::formula {

using Real = long double;

/// What letters stand for: numbers (`z`, `K`), and vectors for letters with an index (`y_j`, `\hat y_j`).
struct Letters {
    std::map<std::string, Real> numbers = {};
    std::map<std::string, std::vector<Real>> vectors = {};
    std::map<std::string, std::size_t> indices = {};  ///< of i, j, k at the moment
};

/// Reads and calculates in one pass, by recursive descent. Throws std::runtime_error at what it does not know.
class Calculator {
public:
    Calculator(std::string_view text, Letters& letters) : rest_(text), letters_(letters) {}

    Real all() {
        const Real value = sum();
        blanks();
        if (!rest_.empty()) {
            fail("the end");
        }
        return value;
    }

private:
    [[noreturn]] void fail(const std::string& expected) const {
        throw std::runtime_error("expected " + expected + " before '" + std::string(rest_) + "'");
    }
    void blanks() {
        while (rest_.starts_with(' ') || rest_.starts_with("\\,") || rest_.starts_with("\\left") ||
               rest_.starts_with("\\right")) {
            rest_.remove_prefix(rest_.front() == ' '           ? 1
                                : rest_.starts_with("\\right") ? 6
                                : rest_.starts_with("\\left")  ? 5
                                                               : 2);
        }
    }
    bool take(std::string_view token) {
        blanks();
        if (!rest_.starts_with(token)) {
            return false;
        }
        rest_.remove_prefix(token.size());
        return true;
    }
    void need(std::string_view token) {
        if (!take(token)) {
            fail(std::string(token));
        }
    }

    Real sum() {
        Real value = take("-") ? -product() : product();
        while (true) {
            if (take("+")) {
                value += product();
            } else if (take("-")) {
                value -= product();
            } else {
                return value;
            }
        }
    }

    bool starts_factor() {
        blanks();
        if (rest_.empty() || rest_.starts_with("\\\\") || rest_.starts_with("\\end") || rest_.starts_with("\\text") ||
            rest_.starts_with("\\le") || rest_.starts_with("\\ge") || rest_.starts_with("\\}")) {
            return rest_.starts_with("\\left");
        }
        const char c = rest_.front();
        return c == '\\' || c == '(' || c == '[' || c == '{' || std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               (c == '|' && !in_bars_);
    }

    Real product() {
        Real value = factor();
        while (true) {
            if (take("\\cdot")) {
                value *= factor();
            } else if (take("/")) {
                value /= factor();
            } else if (starts_factor()) {
                value *= factor();
            } else {
                return value;
            }
        }
    }

    Real factor() {
        if (take("e^")) {
            return std::exp(group());
        }
        Real value = base();
        while (take("^")) {
            value = std::pow(value, rest_.starts_with('{') ? group() : digit());
        }
        return value;
    }
    Real digit() {
        const Real value = rest_.front() - '0';
        rest_.remove_prefix(1);
        return value;
    }
    Real group() {
        need("{");
        const Real value = sum();
        need("}");
        return value;
    }
    /// In brackets, or the one factor that follows: log(…), log ŷ.
    Real argument() {
        if (take("(")) {
            const Real value = sum();
            need(")");
            return value;
        }
        return factor();
    }

    Real base() {
        blanks();
        if (rest_.empty()) {
            fail("a factor");
        }
        if (take("(")) {
            return closed(")");
        }
        if (take("[")) {
            return closed("]");
        }
        if (rest_.front() == '{') {
            return group();
        }
        if (take("|")) {
            const bool outer = std::exchange(in_bars_, true);
            const Real value = std::fabs(sum());
            need("|");
            in_bars_ = outer;
            return value;
        }
        if (take("\\|")) {
            return norm();
        }
        if (take("\\begin{cases}")) {
            return cases();
        }
        if (take("\\frac")) {
            const Real above = group();
            return above / group();
        }
        if (take("\\sqrt")) {
            return std::sqrt(group());
        }
        if (take("\\sum_{")) {
            return reduced([](Real total, Real term) { return total + term; }, 0.0L);
        }
        if (take("\\max_{")) {
            return reduced([](Real top, Real term) { return std::max(top, term); }, -INFINITY);
        }
        if (take("\\max")) {
            return pair([](Real a, Real b) { return std::max(a, b); });
        }
        if (take("\\min")) {
            return pair([](Real a, Real b) { return std::min(a, b); });
        }
        return named();
    }
    Real closed(std::string_view bracket) {
        const bool outer = std::exchange(in_bars_, false);
        const Real value = sum();
        need(bracket);
        in_bars_ = outer;
        return value;
    }
    Real pair(const std::function<Real(Real, Real)>& of) {
        need("(");
        const bool outer = std::exchange(in_bars_, false);
        const Real a = sum();
        need(",");
        const Real b = sum();
        need(")");
        in_bars_ = outer;
        return of(a, b);
    }

    Real named() {
        static const std::map<std::string, std::function<Real(Real)>> functions{
            {"\\log", [](Real x) { return std::log(x); }},
            {"\\exp", [](Real x) { return std::exp(x); }},
            {"\\tanh", [](Real x) { return std::tanh(x); }},
            {"\\sigma'", [](Real x) { return std::exp(-x) / ((1 + std::exp(-x)) * (1 + std::exp(-x))); }},
            {"\\sigma", [](Real x) { return 1 / (1 + std::exp(-x)); }},
            {"\\Phi", [](Real x) { return 0.5L * std::erfc(-x / std::sqrt(2.0L)); }},
            {"\\mathrm{erfc}", [](Real x) { return std::erfc(x); }},
            {"\\mathrm{erf}", [](Real x) { return std::erf(x); }},
            {"\\mathrm{log1p}", [](Real x) { return std::log1p(x); }},
            {"\\mathrm{expm1}", [](Real x) { return std::expm1(x); }},
        };
        std::string longest;
        for (const auto& [name, function] : functions) {
            longest = rest_.starts_with(name) && name.size() > longest.size() ? name : longest;
        }
        if (!longest.empty()) {
            rest_.remove_prefix(longest.size());
            return functions.at(longest)(argument());
        }
        if (std::isdigit(static_cast<unsigned char>(rest_.front())) != 0) {
            const std::size_t end = std::min(rest_.find_first_not_of("0123456789."), rest_.size());
            const Real value = std::stold(std::string(rest_.substr(0, end)));
            rest_.remove_prefix(end);
            return value;
        }
        if (take("\\pi")) {
            return std::acos(-1.0L);
        }
        return letter();
    }

    Real letter() {
        std::string name;
        if (take("\\hat y")) {
            name = "\\hat y";
        } else if (take("\\Delta")) {
            name = "\\Delta";
        } else if (std::isalpha(static_cast<unsigned char>(rest_.front())) != 0) {
            name = rest_.front();
            rest_.remove_prefix(1);
        } else {
            fail("a letter");
        }
        if (take("_")) {
            const bool braces = take("{");
            if (braces) {  // z_{3,j}: the layer does not matter
                rest_.remove_prefix(rest_.find(',') + 1);
            }
            const std::string index(1, rest_.front());
            rest_.remove_prefix(1);
            if (braces) {
                need("}");
            }
            return letters_.vectors.at(name).at(letters_.indices.at(index));
        }
        if (letters_.numbers.contains(name)) {
            return letters_.numbers.at(name);
        }
        if (!letters_.vectors.contains(name)) {
            fail("a letter that stands for something");
        }
        return letters_.vectors.at(name).at(letters_.indices.at("j"));  // inside a norm
    }

    /// ‖…‖², the sum of squares over the outputs; behind it the ^2 is taken.
    Real norm() {
        const std::size_t end = rest_.find("\\|^2");
        const std::string inside(rest_.substr(0, end));
        rest_.remove_prefix(end + 4);
        Real total = 0;
        for (std::size_t j = 0; j < letters_.vectors.at("y").size(); ++j) {
            letters_.indices["j"] = j;
            const Real term = Calculator(inside, letters_).all();
            total += term * term;
        }
        return total;
    }

    /// The rest of the product for every value of the index, but for that behind `\ne`.
    Real reduced(const std::function<Real(Real, Real)>& join, Real start) {
        const std::string index(1, rest_.front());
        rest_.remove_prefix(1);
        const bool excludes = take("\\ne");
        std::size_t excluded = 0;
        if (excludes) {
            blanks();
            excluded = letters_.indices.at(std::string(1, rest_.front()));
            rest_.remove_prefix(1);
        }
        need("}");
        const std::string_view body = rest_;
        const auto outer = letters_.indices;
        Real total = start;
        for (std::size_t i = 0; i < letters_.vectors.begin()->second.size(); ++i) {
            rest_ = body;
            letters_.indices[index] = i;
            const Real term = take("-") ? -product() : product();
            total = excludes && i == excluded ? total : join(total, term);
        }
        letters_.indices = outer;
        return total;
    }

    Real cases() {
        Real value = NAN;
        bool decided = false;
        while (!take("\\end{cases}")) {
            const bool outer = std::exchange(in_bars_, false);
            const Real here = sum();
            in_bars_ = outer;
            need("&");
            const bool holds = take("\\text{else}") || condition();
            if (holds && !decided) {
                value = here;
                decided = true;
            }
            static_cast<void>(take("\\\\"));
        }
        return value;
    }
    bool condition() {
        need("\\text{if }");
        const Real left = sum();
        if (take("\\le")) {
            return left <= sum();
        }
        if (take("\\ge")) {
            return left >= sum();
        }
        if (take("<")) {
            return left < sum();
        }
        if (take(">")) {
            return left > sum();
        }
        need("=");
        return left == sum();
    }

    std::string_view rest_;
    Letters& letters_;
    bool in_bars_ = false;
};

/// The value of a formula. `where` (`t=e^{-|z|}`, `m=z_k=…`) is worked out first, for its first letter.
inline Real value(std::string_view text, Letters letters, std::string_view where = {}) {
    if (!where.empty() && std::isalpha(static_cast<unsigned char>(where.front())) != 0) {
        letters.numbers[std::string(1, where.front())] = Calculator(where.substr(where.rfind('=') + 1), letters).all();
    }
    return Calculator(text, letters).all();
}

}  // namespace handgrad::formula
