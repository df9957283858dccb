// One operator for each step, two where ONNX has none.
#include "handgrad/export/onnx_formula.hpp"

#include <cassert>

namespace handgrad::exports {
namespace {

/// log(1 + x) from log: what 1 + x rounds is made good by the quotient, since log(u)/(u − 1) hardly changes there.
template <class W>
W log1p_by_log(W x) {
    const W u = W(1) + x;
    return select(equal(u, W(1)), x, log(u) * (x / (u - W(1))));
}
/// 1 − tanh² x = 4t/(1 + t)² with t = e^{−2|x|}.
template <class W>
W tanh_slope_by_exp(W x) {
    const W t = exp(W(-2) * abs(x));
    const W s = W(1) / (W(1) + t);
    return ((W(4) * t) * s) * s;
}

template <class T>
std::string call(OnnxGraph& graph, const std::string& function, const std::vector<std::string>& a) {
    using W = Written<T>;
    if (function == "exp") {
        return graph.node("Exp", a);
    }
    if (function == "log") {
        return graph.node("Log", a);
    }
    if (function == "tanh") {
        return graph.node("Tanh", a);
    }
    if (function == "log1p") {
        return drawn<T>(graph, log1p_by_log<W>, a[0]);
    }
    if (function == "tanh_slope") {
        return drawn<T>(graph, tanh_slope_by_exp<W>, a[0]);
    }
    if (function == "expm1") {
        return drawn<T>(graph, math::expm1<W>, a[0]);
    }
    if (function == "erfc_of_sum") {
        return drawn<T>(graph, math::erfc_of_sum<W>, a[0], a[1]);
    }
    assert(function == "exp_of_difference");
    return drawn<T>(graph, math::exp_of_difference<W>, a[0], a[1]);
}

template <class T>
std::string operation(OnnxGraph& graph, const Step& step, const std::vector<std::string>& a) {
    switch (step.operation) {
        case Operation::argument:
            return step.name;
        case Operation::constant:
            return graph.number(step.value);
        case Operation::negate:
            return graph.node("Neg", a);
        case Operation::add:
            return graph.node("Add", a);
        case Operation::subtract:
            return graph.node("Sub", a);
        case Operation::multiply:
            return graph.node("Mul", a);
        case Operation::divide:
            return graph.node("Div", a);
        case Operation::fma:
            return graph.node("Add", {graph.node("Mul", {a[0], a[1]}), a[2]});
        case Operation::sqrt:
            return graph.node("Sqrt", a);
        case Operation::abs:
            return graph.node("Abs", a);
        case Operation::min:
            return graph.node("Min", a);
        case Operation::max:
            return graph.node("Max", a);
        case Operation::less:
            return graph.node("Less", a);
        case Operation::less_equal:
            return graph.node("LessOrEqual", a);
        case Operation::equal:
            return graph.node("Equal", a);
        case Operation::select:
            return graph.node("Where", a);
        case Operation::round:
            return graph.node("Round", a);
        case Operation::scale:  // a · 2^k
            return graph.node("Mul", {a[0], graph.node("Pow", {graph.number(2), a[1]})});
        case Operation::call:
            return call<T>(graph, step.name, a);
        case Operation::exponent:
            break;  // only logarithms ask for it, and those are ONNX's
    }
    __builtin_unreachable();
}

}  // namespace

template <class T>
std::string drawn_recording(OnnxGraph& graph, const Recording& recording) {
    std::vector<std::string> names;
    for (const Step& step : recording.steps()) {
        std::vector<std::string> operands;
        for (const std::size_t operand : step.operands) {
            operands.push_back(names[operand]);
        }
        names.push_back(operation<T>(graph, step, operands));
    }
    return names[recording.results().back().second];
}

template std::string drawn_recording<float>(OnnxGraph&, const Recording&);
template std::string drawn_recording<double>(OnnxGraph&, const Recording&);

}  // namespace handgrad::exports
