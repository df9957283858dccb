// A formula as it ran: the operations of number.hpp on names, in order, each but once; and the text of them in C.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace handgrad::exports {

/// The number concept of math/number.hpp, and calls of functions that are written once by themselves.
enum class Operation {
    argument,
    constant,
    negate,
    add,
    subtract,
    multiply,
    divide,
    fma,
    sqrt,
    abs,
    min,
    max,
    less,
    less_equal,
    equal,
    select,
    round,
    exponent,
    scale,
    call,
};

struct Step {
    Operation operation;
    std::vector<std::size_t> operands = {};  ///< earlier steps
    double value = 0.0;                      ///< of a constant, exactly
    std::string name = {};                   ///< of an argument: its text in C; of a call: the function's

    [[nodiscard]] bool truth() const {
        return operation == Operation::less || operation == Operation::less_equal || operation == Operation::equal;
    }
};

class FunctionSet;

/// The steps of one formula.
class Recording {
public:
    explicit Recording(FunctionSet& functions) : functions_(&functions) {}

    std::size_t argument(std::string name) { return add({.operation = Operation::argument, .name = std::move(name)}); }
    std::size_t constant(double value) { return add({.operation = Operation::constant, .value = value}); }
    /// The place of that step; of one that stands there already, of the first.
    std::size_t add(Step step);
    /// `text` names where the number goes, in C: `return`, or an lvalue.
    void result(std::string text, std::size_t step) { results_.emplace_back(std::move(text), step); }

    [[nodiscard]] FunctionSet& functions() const { return *functions_; }
    [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }
    [[nodiscard]] const std::vector<std::pair<std::string, std::size_t>>& results() const { return results_; }

private:
    FunctionSet* functions_;
    std::vector<Step> steps_;
    std::vector<std::pair<std::string, std::size_t>> results_;
    std::map<std::string, std::size_t> places_;  ///< by all that makes a step what it is
};

/// How numbers, operations and functions are called in the C that is written: all of one type of numbers.
class FunctionSet {
public:
    /// `prefix` begins every name at file scope: `price_`.
    FunctionSet(std::string prefix, bool in_double) : prefix_(std::move(prefix)), in_double_(in_double) {}

    [[nodiscard]] bool in_double() const { return in_double_; }
    [[nodiscard]] std::string type() const { return in_double_ ? "double" : "float"; }
    /// `price_exp`, and of double beside float `price_exp_d`, which `suffix` says.
    [[nodiscard]] std::string name(const std::string& function) const { return prefix_ + function + suffix; }
    /// A number as a literal of C, exactly.
    [[nodiscard]] std::string literal(double value) const;
    /// From now on this constant, which no formula has, stands for what is known only when the C runs: its text takes
    /// the place of the literal, with a sign before it where the number has one.
    void stand_for(double constant, std::string text) { stand_ins_[constant] = std::move(text); }

    /// The function of that name with so many arguments; `record` is asked for its steps, once.
    void define(const std::string& function, std::size_t arguments, const std::function<void(Recording&)>& record);
    /// Statements that compute the results of a recording, each line indented.
    std::string statements(const Recording& recording, const std::string& indent);
    /// `#define` of the product that may be added to, which leaves nothing for a compiler to contract.
    [[nodiscard]] std::string product_macro() const;
    /// What was defined, or used, since it was asked last, each once, behind what it calls.
    std::string take_definitions();

    std::string suffix{};

private:
    void need(Operation operation);
    [[nodiscard]] std::string operation_text(const Step& step, const std::vector<std::string>& a, bool protect);
    [[nodiscard]] std::string helper(Operation operation) const;

    std::string prefix_;
    bool in_double_;
    std::map<std::string, bool> functions_;  ///< whether it is complete
    std::map<Operation, bool> operations_;   ///< that need a helper: whether it was taken
    std::string definitions_;
    std::map<double, std::string> stand_ins_;
};

}  // namespace handgrad::exports
