// The loss and the update are recorded from math/; the passes are loops over parameters that may change.
#include "handgrad/export/c_training.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "handgrad/export/written_number.hpp"
#include "handgrad/math/losses.hpp"
#include "handgrad/math/output_loss.hpp"
#include "handgrad/math/sum_order.hpp"
#include "handgrad/math/updates.hpp"

namespace handgrad::exports {
namespace {

/// What stands for the rate of a step when it is recorded.
constexpr float rate_stand_in = 0x1.35792p-71F;

std::string number(std::size_t value) { return std::to_string(value); }

}  // namespace

template <class T>
CTraining<T>::CTraining(const BasicMlp<T>& net, const LossFunction& loss, double weight_decay, std::string prefix,
                        FunctionSet& numbers)
    : net_(net), loss_(loss), weight_decay_(weight_decay), prefix_(std::move(prefix)), numbers_(numbers) {}

template <class T>
std::string CTraining<T>::fill(const std::string& text) const {
    return filled(text, {{"REAL", numbers_.type()},
                         {"PARAMETERS", number(net_.parameters().size())},
                         {"INPUTS", number(net_.inputs())},
                         {"OUTPUTS", number(net_.outputs())},
                         {"$", prefix_},
                         {"%P", upper_case(prefix_) + "PARAMETERS"},
                         {"%", upper_case(prefix_)}});
}

template <class T>
std::size_t CTraining<T>::weight_place(std::size_t layer) const {
    std::size_t place = 0;
    for (std::size_t l = 0; l < layer; ++l) {
        place += (size(l) + 1) * size(l + 1);
    }
    return place;
}

template <class T>
std::size_t CTraining<T>::unit_place(std::size_t layer) const {
    std::size_t place = 0;
    for (std::size_t l = 0; l < layer; ++l) {
        place += size(l + 1);
    }
    return place;
}

template <class T>
std::string CTraining<T>::declarations() const {
    return fill(R"(#ifndef %WITHOUT_JACOBIAN
/* Training that goes on. Parameters are %P numbers that the caller keeps: linear1.weight row by row,
   linear1.bias, linear2.weight ... */
enum { %P = PARAMETERS };
/* Those of this model. */
void $initial(REAL *parameters);
/* What the network puts out with these. */
void $forward_with(const REAL *parameters, const REAL *x, REAL *yhat);
/* One step of gradient descent, parameters -= rate * gradient, by one row x (INPUTS numbers) and what is to come out for
   it, y (OUTPUTS numbers, as the network learns them). Returns the loss of the row before the step, without penalty. */
REAL $step(REAL *parameters, const REAL *x, const REAL *y, REAL rate);
#endif
)");
}

template <class T>
std::string CTraining<T>::initial() const {
    std::string text = "\nvoid $initial(REAL *parameters)\n{\n";
    for (std::size_t l = 0; l < net_.layers(); ++l) {
        const std::string layer = number(l + 1), w = number(weight_place(l)),
                          b = number(weight_place(l) + size(l) * size(l + 1));
        text += "    memcpy(parameters + " + w + ", $w" + layer + ", sizeof $w" + layer +
                ");\n    memcpy(parameters + " + b + ", $b" + layer + ", sizeof $b" + layer + ");\n";
    }
    return fill(text + "}\n");
}

/// Eq. (1) of a layer with parameters p.
template <class T>
std::string CTraining<T>::linear(std::size_t layer, const std::string& from, const std::string& to) const {
    const bool last = layer + 1 == net_.layers();
    const bool narrow = last && net_.layers() > 1 && net_.outputs() < math::narrow_outputs;
    const std::size_t w = weight_place(layer), inputs = size(layer), units = size(layer + 1);
    return std::string("    $") + (narrow ? "narrow" : "linear") + "(p + " + number(w) + ", p + " +
           number(w + inputs * units) + ", " + number(inputs) + ", " + number(units) + ", " + from + ", " + to + ");\n";
}

/// yhat from z, which may be the same.
template <class T>
std::string CTraining<T>::outputs(const std::string& z, const std::string& yhat) const {
    const Activation output = net_.architecture().output;
    if (output == Activation::softmax) {
        return "    $softmax(" + z + ", " + yhat + ", OUTPUTS);\n";
    }
    const std::string copy = z == yhat ? "" : "    memcpy(" + yhat + ", " + z + ", sizeof " + yhat + ");\n";
    return copy + (output == Activation::identity
                       ? ""
                       : "    $apply_" + std::string(name(output)) + "(" + yhat + ", OUTPUTS);\n");
}

template <class T>
std::string CTraining<T>::forward_with() const {
    const std::size_t last = net_.layers() - 1;
    std::size_t widest = 1;
    for (std::size_t l = 0; l < last; ++l) {
        widest = std::max(widest, size(l + 1));
    }
    std::string text = "\nvoid $forward_with(const REAL *p, const REAL *x, REAL *yhat)\n{\n";
    text +=
        last > 0 ? "    REAL a[" + number(widest) + "]" + (last > 1 ? ", b[" + number(widest) + "]" : "") + ";\n" : "";
    std::string from = "x";
    for (std::size_t l = 0; l < last; ++l) {
        const std::string to = l % 2 == 0 ? "a" : "b", f(name(net_.architecture().activation(l)));
        text += linear(l, from, to);
        text += f == "identity" ? "" : "    $apply_" + f + "(" + to + ", " + number(size(l + 1)) + ");\n";
        from = to;
    }
    return fill(text + linear(last, from, "yhat") + outputs("yhat", "yhat") + "}\n");
}

template <class T>
std::string CTraining<T>::loss() {
    using W = Written<T>;
    const Architecture& architecture = net_.architecture();
    const math::OutputLoss pair = output_loss(loss_, architecture.output, architecture.activation_settings());
    const W factor(static_cast<T>(reduction_factor(loss_.kind, net_.outputs(), architecture.conventions)));
    Recording recording(numbers_);
    std::vector<W> z, yhat, y, dz(net_.outputs()), da(net_.outputs());
    for (std::size_t k = 0; k < net_.outputs(); ++k) {
        const std::string at = "[" + number(k) + "]";
        z.push_back(W::argument(recording, "z" + at));
        yhat.push_back(W::argument(recording, "yhat" + at));
        y.push_back(W::argument(recording, "y" + at));
    }
    const W sum = math::row_loss<W>(pair, z, yhat, y, factor, math::Derivatives::logits, dz, da);
    for (std::size_t k = 0; k < net_.outputs(); ++k) {
        dz[k].into(recording, "dz[" + number(k) + "]");
    }
    (factor * sum).into(recording, "return");
    const std::string body = numbers_.statements(recording, "    ");
    return numbers_.take_definitions() +
           fill(
               "\n/* The loss of a row, and its derivatives by z. */\n"
               "static REAL $loss(const REAL *z, const REAL *yhat, const REAL *y, REAL *dz)\n{\n    (void)z;\n    "
               "(void)yhat;\n") +
           body + "}\n";
}

template <class T>
std::string CTraining<T>::update() {
    using W = Written<T>;
    numbers_.stand_for(static_cast<double>(rate_stand_in), "rate");
    math::UpdateConstants<T> constants;
    constants.rate = static_cast<T>(rate_stand_in);
    const bool all = net_.architecture().conventions.penalty == Penalty::all_parameters;
    const auto step = [&](const std::string& w, bool weight, const std::string& indent) {
        Recording recording(numbers_);
        W moved = W::argument(recording, w), none(0), other(0);
        W g = W::argument(recording, "d[u]");
        g = weight ? g * W::argument(recording, "a[i]") : g;
        if (weight_decay_ != 0.0 && (weight || all)) {
            g = fma(W(static_cast<T>(weight_decay_)), moved, g);
        }
        math::SgdUpdate::apply(constants, g, moved, none, other);
        moved.into(recording, w);
        return numbers_.statements(recording, indent);
    };
    const std::string weights = step("w[i]", true, "            "), biases = step("b[u]", false, "        ");
    return fill(
               "\n/* Eq. (4) for a layer: d is the loss's derivative by its z, a what entered it. */\n"
               "static void $update(REAL *w, REAL *b, size_t inputs, size_t units, const REAL *d, const REAL *a, REAL "
               "rate)\n{\n"
               "    size_t u, i;\n    for (u = 0; u < units; ++u, w += inputs) {\n        for (i = 0; i < inputs; ++i) "
               "{\n") +
           weights + "        }\n" + biases + "    }\n}\n";
}

template <class T>
std::string CTraining<T>::step() const {
    const std::size_t last = net_.layers() - 1, hidden = unit_place(last);
    std::size_t widest = net_.outputs();
    for (std::size_t l = 0; l < last; ++l) {
        widest = std::max(widest, size(l + 1));
    }
    std::string text =
        "\nREAL $step(REAL *p, const REAL *x, const REAL *y, REAL rate)\n{\n    REAL z[OUTPUTS], yhat[OUTPUTS], loss, "
        "d[" +
        number(widest) + "]";
    text +=
        last > 0 ? ", e[" + number(widest) + "], a[" + number(hidden) + "], slope[" + number(hidden) + "];\n" : ";\n";
    const auto entering = [&](std::size_t l) { return l == 0 ? "x" : "a + " + number(unit_place(l - 1)); };
    for (std::size_t l = 0; l < last; ++l) {
        const std::string f(name(net_.architecture().activation(l))), at = number(unit_place(l)),
                                                                      units = number(size(l + 1));
        text += linear(l, entering(l), "a + " + at) + "    $slopes_" + f + "(a + " + at + ", slope + " + at + ", " +
                units + ");\n";
        text += f == "identity" ? "" : "    $apply_" + f + "(a + " + at + ", " + units + ");\n";
    }
    text += linear(last, entering(last), "z") + outputs("z", "yhat") + "    loss = $loss(z, yhat, y, d);\n";
    std::string d = "d";
    for (std::size_t l = last + 1; l-- > 0;) {
        const std::string w = number(weight_place(l)), inputs = number(size(l)), units = number(size(l + 1));
        const std::string next = d == "d" ? "e" : "d";
        if (l > 0) {  // by the weights as they were
            text += "    $pull(p + " + w + ", " + inputs + ", " + units + ", " + d + ", slope + " +
                    number(unit_place(l - 1)) + ", " + next + ");\n";
        }
        text += "    $update(p + " + w + ", p + " + number(weight_place(l) + size(l) * size(l + 1)) + ", " + inputs +
                ", " + units + ", " + d + ", " + entering(l) + ", rate);\n";
        d = next;
    }
    return fill(text + "    return loss;\n}\n");
}

template <class T>
std::string CTraining<T>::definitions() {
    return initial() + forward_with() + loss() + update() + step();
}

template class CTraining<float>;
template class CTraining<double>;

}  // namespace handgrad::exports
