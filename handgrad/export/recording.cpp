// Steps once each, only those that a result needs, one statement of C for each.
#include "handgrad/export/recording.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace handgrad::exports {
namespace {

/// Whether a product that only such a step reads can stay one: nothing is added to it.
bool leaves_products_alone(Operation operation) {
    switch (operation) {
        case Operation::multiply:
        case Operation::divide:
        case Operation::fma:
        case Operation::less:
        case Operation::less_equal:
        case Operation::equal:
        case Operation::round:
        case Operation::abs:
            return true;
        default:
            return false;
    }
}

/// Of each step whether a result depends on it.
std::vector<bool> needed_steps(const Recording& recording) {
    std::vector<bool> needed(recording.steps().size());
    for (const auto& [text, step] : recording.results()) {
        needed[step] = true;
    }
    for (std::size_t i = needed.size(); i-- > 0;) {
        if (needed[i]) {
            for (const std::size_t operand : recording.steps()[i].operands) {
                needed[operand] = true;
            }
        }
    }
    return needed;
}

/// Of each step whether a sum may come to read it, here or where its function is inlined.
std::vector<bool> added_steps(const Recording& recording, const std::vector<bool>& needed) {
    std::vector<bool> added(needed.size());
    for (const auto& [text, step] : recording.results()) {
        added[step] = true;
    }
    for (std::size_t i = 0; i < needed.size(); ++i) {
        const Step& step = recording.steps()[i];
        if (needed[i] && !leaves_products_alone(step.operation)) {
            for (const std::size_t operand : step.operands) {
                added[operand] = true;
            }
        }
        if (needed[i] && step.operation == Operation::fma) {
            added[step.operands[2]] = true;
        }
    }
    return added;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
        text.replace(at, what.size(), by);
    }
    return text;
}

std::string joined(const std::vector<std::string>& texts) {
    std::string result;
    for (const std::string& text : texts) {
        result += (result.empty() ? "" : ", ") + text;
    }
    return result;
}

// What C has no operator for. $ begins names, REAL is the type, WORD the whole number of its size, HEX( a constant of
// it.
constexpr const char* abs_text = R"(static inline REAL $abs(REAL a)
{
    WORD bits;
    memcpy(&bits, &a, sizeof bits);
    bits &= HEX(MASK);
    memcpy(&a, &bits, sizeof a);
    return a;
}
)";
constexpr const char* round_text = R"(/* To the nearest whole number, ties to even. */
static inline REAL $round(REAL a)
{
    const REAL size = $abs(a);
    REAL whole = (size + SHIFT) - SHIFT;
    WORD bits, sign;
    memcpy(&sign, &a, sizeof sign);
    memcpy(&bits, &whole, sizeof bits);
    bits |= sign & ~HEX(MASK);
    memcpy(&whole, &bits, sizeof whole);
    return size < SHIFT ? whole : a;
}
)";
constexpr const char* exponent_text = R"(/* The whole part of log2 a. */
static inline REAL $exponent(REAL a)
{
    const REAL shift = SHIFT;
    WORD bits, field;
    memcpy(&field, &a, sizeof field);
    memcpy(&bits, &shift, sizeof bits);
    bits |= (field << 1) >> (DIGITS + 1);
    memcpy(&a, &bits, sizeof a);
    return a - (SHIFT + BIAS);
}
)";
constexpr const char* scale_text = R"(/* a times 2 to the whole number k. */
static inline REAL $scale(REAL a, REAL k)
{
    REAL power = k + (SHIFT + BIAS);
    WORD bits;
    memcpy(&bits, &power, sizeof bits);
    bits <<= DIGITS;
    memcpy(&power, &bits, sizeof power);
    return $mul(a, power);
}
)";

}  // namespace

std::size_t Recording::add(Step step) {
    std::string key = std::to_string(static_cast<int>(step.operation)) + ' ' + step.name;
    if (step.operation == Operation::constant) {
        key += functions_->literal(step.value);
    }
    for (const std::size_t operand : step.operands) {
        key += ' ' + std::to_string(operand);
    }
    const auto [place, is_new] = places_.try_emplace(std::move(key), steps_.size());
    if (is_new) {
        steps_.push_back(std::move(step));
    }
    return place->second;
}

std::string FunctionSet::literal(double value) const {
    const std::string sign = std::signbit(value) ? "-" : "";
    const std::string cast = in_double_ ? "(double)" : "";
    if (std::isnan(value)) {
        return cast + "NAN";
    }
    if (std::isinf(value)) {
        return sign + cast + "INFINITY";
    }
    const double size = std::fabs(value);
    if (const auto stand_in = stand_ins_.find(size); stand_in != stand_ins_.end()) {
        return sign + stand_in->second;
    }
    const std::string ending = in_double_ ? "" : "f";
    constexpr double plain = 1024;
    if (size < plain && size == std::floor(size)) {
        return sign + std::to_string(static_cast<int>(size)) + ".0" + ending;
    }
    std::array<char, 40> buffer{};
    const auto [end, problem] =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), size, std::chars_format::hex);
    return sign + "0x" + replaced({buffer.data(), end}, "p+", "p") + ending;
}

std::string FunctionSet::helper(Operation operation) const {
    switch (operation) {
        case Operation::abs:
            return abs_text;
        case Operation::round:
            return round_text;
        case Operation::exponent:
            return exponent_text;
        case Operation::scale:
            return scale_text;
        default:
            return "";
    }
}

void FunctionSet::need(Operation operation) {
    const std::string text = helper(operation);
    if (text.empty() || operations_.contains(operation)) {
        return;
    }
    operations_[operation] = true;
    if (operation == Operation::round) {
        need(Operation::abs);
    }
    const std::array<std::pair<std::string, std::string>, 5> words{{
        {"REAL", type()},
        {"WORD", in_double_ ? "uint64_t" : "uint32_t"},
        {"HEX(MASK)", in_double_ ? "UINT64_C(0x7fffffffffffffff)" : "UINT32_C(0x7fffffff)"},
        {"SHIFT", in_double_ ? "0x1p52" : "0x1p23f"},
        {"DIGITS", in_double_ ? "52" : "23"},
    }};
    std::string filled = replaced(text, "BIAS", in_double_ ? "1023.0" : "127.0f");
    for (const auto& [word, by] : words) {
        filled = replaced(filled, word, by);
    }
    for (const std::string function : {"mul", "abs", "round", "exponent", "scale"}) {
        filled = replaced(filled, "$" + function, name(function));
    }
    definitions_ += filled;
}

void FunctionSet::define(const std::string& function, std::size_t arguments,
                         const std::function<void(Recording&)>& record) {
    if (!functions_.try_emplace(function, true).second) {
        return;
    }
    Recording recording(*this);
    record(recording);
    std::string parameters;
    for (std::size_t i = 0; i < arguments; ++i) {
        parameters += (i == 0 ? "" : ", ") + type() + " x" + std::to_string(i);
    }
    const std::string body = statements(recording, "    ");  // what it calls stands before it
    // `inline`, or GCC leaves calls in the loops over units, which are not made vectors of then
    definitions_ += "static inline " + type() + " " + name(function) + "(" + parameters + ")\n{\n" + body + "}\n";
}

std::string FunctionSet::operation_text(const Step& step, const std::vector<std::string>& a, bool protect) {
    need(step.operation);
    switch (step.operation) {
        case Operation::argument:
            return step.name;
        case Operation::constant:
            return literal(step.value);
        case Operation::negate:
            return "-" + (a[0].starts_with('-') ? "(" + a[0] + ")" : a[0]);
        case Operation::add:
            return a[0] + " + " + a[1];
        case Operation::subtract:
            return a[0] + " - " + (a[1].starts_with('-') ? "(" + a[1] + ")" : a[1]);
        case Operation::multiply:
            return protect ? name("mul") + "(" + joined(a) + ")" : a[0] + " * " + a[1];
        case Operation::divide:
            return a[0] + " / " + a[1];
        case Operation::fma:
            return (in_double_ ? "fma(" : "fmaf(") + joined(a) + ")";
        case Operation::sqrt:
            return (in_double_ ? "sqrt(" : "sqrtf(") + joined(a) + ")";
        case Operation::abs:
            return name("abs") + "(" + joined(a) + ")";
        case Operation::min:
            return a[1] + " < " + a[0] + " ? " + a[1] + " : " + a[0];
        case Operation::max:
            return a[0] + " < " + a[1] + " ? " + a[1] + " : " + a[0];
        case Operation::less:
            return a[0] + " < " + a[1];
        case Operation::less_equal:
            return a[0] + " <= " + a[1];
        case Operation::equal:
            return a[0] + " == " + a[1];
        case Operation::select:
            return a[0] + " ? " + a[1] + " : " + a[2];
        case Operation::round:
            return name("round") + "(" + joined(a) + ")";
        case Operation::exponent:
            return name("exponent") + "(" + joined(a) + ")";
        case Operation::scale:
            return name("scale") + "(" + joined(a) + ")";
        case Operation::call:
            return name(step.name) + "(" + joined(a) + ")";
    }
    __builtin_unreachable();
}

std::string FunctionSet::statements(const Recording& recording, const std::string& indent) {
    const std::vector<bool> needed = needed_steps(recording), added = added_steps(recording, needed);
    std::vector<std::string> texts(needed.size());
    std::string lines;
    for (std::size_t i = 0; i < needed.size(); ++i) {
        if (!needed[i]) {
            continue;
        }
        const Step& step = recording.steps()[i];
        std::vector<std::string> operands;
        for (const std::size_t operand : step.operands) {
            operands.push_back(texts[operand]);
        }
        texts[i] = operation_text(step, operands, added[i]);
        const bool in_place = step.operation == Operation::argument || step.operation == Operation::constant ||
                              step.operation == Operation::negate || step.truth();
        if (!in_place) {
            const std::string local = "t" + std::to_string(i);
            lines += indent + "const " + type() + " " + local + " = " + texts[i] + ";\n";
            texts[i] = local;
        }
    }
    for (const auto& [text, step] : recording.results()) {
        lines += indent + text + (text == "return" ? " " : " = ") + texts[step] + ";\n";
    }
    return lines;
}

std::string FunctionSet::product_macro() const {
    const std::string macro = "#define " + name("mul") + "(a, b) ";
    const std::string fused = std::string(in_double_ ? "fma" : "fmaf") + "((a), (b), " + literal(-0.0) + ")";
    return std::string("#ifdef HANDGRAD_CONTRACTS_") + (in_double_ ? "DOUBLE" : "FLOAT") + "\n" + macro + fused +
           "\n#else\n" + macro + "((a) * (b))\n#endif\n";
}

std::string FunctionSet::take_definitions() { return std::exchange(definitions_, {}); }

}  // namespace handgrad::exports
