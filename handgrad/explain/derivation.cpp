// Writing the tables of a network down, row by row.
#include "handgrad/explain/derivation.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "handgrad/base/wording.hpp"
#include "handgrad/explain/derivation_notes.hpp"

namespace handgrad::explain {
namespace {

/// The forward rows are written out in x up to this depth, the outputs' sums up to the next; deeper they are
/// unreadable.
constexpr std::size_t most_layers_in_x = 2;
constexpr std::size_t most_layers_of_nested_sums = 3;
/// The products of the backward table are written out up to this depth, deeper they start from δ of the layer above.
constexpr std::size_t most_layers_of_products = 3;

std::string number(std::size_t n) { return std::to_string(n); }
document::Formula partial(const document::Formula& u, const document::Formula& v) {
    return "\\frac{\\partial " + u + "}{\\partial " + v + "}";
}

/// A name with a further index in its subscript: z_{1} with i is z_{1,i}, x with i is x_i.
document::Formula at(const document::Formula& name, const document::Formula& index) {
    if (name.ends_with('}')) {
        return name.substr(0, name.size() - 1) + "," + index + "}";
    }
    return name + "_" + index;
}
document::Formula in_brackets(bool needed, const document::Formula& text) {
    return when(needed, "(") + text + when(needed, ")");
}
/// W^{(1)} with i and j.
document::Formula entry_of(const document::Formula& parameter, const document::Formula& indices) {
    return parameter + "_{" + indices + "}";
}

class Writer {
public:
    Writer(const Architecture& architecture, const LossFunction& loss, bool use_double)
        : shape_(architecture),
          settings_(architecture.activation_settings()),
          loss_(loss),
          loss_formulas_(formulas(loss.kind, architecture.conventions)),
          use_double_(use_double) {
        result_.architecture = architecture;
        result_.loss_function = loss;
    }

    Derivation write() {
        titles();
        forward();
        jacobians();
        backward();
        components();
        computations();
        result_.conventions = convention_notes(shape_, loss_);
        result_.letters = letter_notes(shape_, loss_);
        return std::move(result_);
    }

private:
    [[nodiscard]] std::size_t layers() const { return shape_.layers(); }
    [[nodiscard]] std::size_t last() const { return layers() - 1; }
    [[nodiscard]] document::Formula weight(std::size_t l) const { return "W^{(" + number(l + 1) + ")}"; }
    [[nodiscard]] document::Formula bias(std::size_t l) const { return "b^{(" + number(l + 1) + ")}"; }
    [[nodiscard]] document::Formula z(std::size_t l) const { return "z_{" + number(2 * l + 1) + "}"; }
    [[nodiscard]] document::Formula a(std::size_t l) const {
        return l == last() ? "\\hat y" : "z_{" + number(2 * l + 2) + "}";
    }
    [[nodiscard]] document::Formula input(std::size_t l) const { return l == 0 ? "x" : a(l - 1); }
    [[nodiscard]] std::string z_symbol(std::size_t l) const { return "z" + number(2 * l + 1); }
    [[nodiscard]] std::string a_symbol(std::size_t l) const { return l == last() ? "yhat" : "z" + number(2 * l + 2); }
    [[nodiscard]] document::Formula delta(std::size_t l) const { return "\\delta_{" + number(l + 1) + "}"; }
    [[nodiscard]] document::Formula activation_name(std::size_t l) const {
        if (l == last()) {
            return "g";
        }
        return "f" + when(layers() != 2, "_{" + number(l + 1) + "}");
    }
    [[nodiscard]] ActivationFormulas of(std::size_t l) const {
        return formulas(shape_.activation(l), settings_, use_double_);
    }
    [[nodiscard]] document::Formula applied(std::size_t l, const document::Formula& argument) const {
        return document::with_argument(of(l).applied, argument);
    }

    [[nodiscard]] bool is(Activation f, Activation g, Loss loss) const {
        return layers() == 2 && shape_.activation(0) == f && shape_.output == g && loss_.kind == loss;
    }

    void titles() {
        struct Tables {
            bool is;
            const char* forward;
            const char* backward;
        };
        const std::array known{
            Tables{is(Activation::relu, Activation::identity, Loss::squared_error), "Table 1", "Table 2"},
            Tables{is(Activation::sigmoid, Activation::sigmoid, Loss::squared_error), "Table 3", "Table 4"},
            Tables{is(Activation::sigmoid, Activation::sigmoid, Loss::binary_cross_entropy), "Table 5", "Table 4"}};
        result_.forward_table = "as Table 1";
        result_.backward_table = "as Table 2";
        result_.forward_title = "Forward pass, as Table 1";
        result_.backward_title = "Backward pass, as Table 2";
        for (const Tables& tables : known) {
            if (tables.is) {
                result_.forward_table = tables.forward;
                result_.backward_table = tables.backward;
                result_.forward_title = result_.forward_table + ", forward pass";
                result_.backward_title = result_.backward_table + ", backward pass";
            }
        }
    }

    // --- Forward ----------------------------------------------------------------------------------------------------

    void forward() {
        const bool in_x = layers() <= most_layers_in_x;
        document::Formula written = "x";
        for (std::size_t l = 0; l < layers(); ++l) {
            const std::size_t size = shape_.sizes[l + 1];
            // W(…) needs brackets unless what enters is one letter or has its own.
            const bool sum =
                written.find('+') != document::Formula::npos && shape_.activation(l - 1) == Activation::identity;
            const document::Formula before = in_x ? written : input(l);
            const document::Formula linear = weight(l) + in_brackets(in_x && sum, before) + "+" + bias(l);
            result_.forward.push_back({.quantity = Quantity{z_symbol(l), z(l), size},
                                       .layer = layer_name(l),
                                       .layer_name = "\\mathrm{Linear}_{" + number(l + 1) + "}",
                                       .activation = {},
                                       .input = before,
                                       .output = linear,
                                       .components = at(z(l), "i") + "=\\sum_{j}" + entry_of(weight(l), "ij") + "\\," +
                                                     at(input(l), "j") + "+" + entry_of(bias(l), "i"),
                                       .nested = nested_z(l),
                                       .equations = cited_network()});
            const document::Formula enters = in_x ? linear : z(l);
            written = applied(l, enters);
            result_.forward.push_back({.quantity = Quantity{a_symbol(l), a(l), size},
                                       .layer = l == last() ? "g" : "f" + when(layers() != 2, number(l + 1)),
                                       .layer_name = activation_name(l),
                                       .activation = shape_.activation(l),
                                       .input = enters,
                                       .output = written,
                                       .components = components_of_activation(l),
                                       .nested = {},
                                       .equations = cited_network()});
        }
        result_.loss = loss_formulas_.loss;
        result_.loss_row = {.input = a(last()),
                            .output = loss_formulas_.loss,
                            .equations = when(!loss_formulas_.as_derived, "as ") + loss_formulas_.source};
        if (in_x) {
            result_.loss_row.input = written;
        }
        if (in_x && loss_.kind == Loss::squared_error) {
            result_.loss_row.output = replaced(loss_formulas_.loss, "\\hat y", written);
        }
        if (layers() <= most_layers_of_nested_sums && shape_.output != Activation::softmax) {
            result_.output_components = "\\hat y_j=" + nested(layers(), "j", 0);
        }
    }

    [[nodiscard]] document::Formula components_of_activation(std::size_t l) const {
        const Written value = of(l).value;
        if (shape_.activation(l) == Activation::softmax) {
            return at(a(l), "j") + "=" + document::with_argument(value.literal, z(l));
        }
        const document::Formula argument = at(z(l), "i");
        if (shape_.activation(l) == Activation::relu) {
            return at(a(l), "i") + "=" + applied(l, argument);
        }
        const document::Formula where = literal_where(value);
        return at(a(l), "i") + "=" + document::with_argument(value.literal, argument) +
               when(!where.empty(), ",\\quad " + document::with_argument(where, argument));
    }

    /// `where` if the literal form has the letter that it explains, u or \Phi(\z), and not the computed one alone.
    static document::Formula literal_where(const Written& written) {
        const document::Formula letter = written.where.substr(0, written.where.find('='));
        const bool as_argument = written.literal.find("(" + letter + ")") != document::Formula::npos;
        const bool as_function = letter.size() > 1 && written.literal.find(letter) != document::Formula::npos;
        return when(!letter.empty() && (as_argument || as_function), written.where);
    }

    /// Entry `index` of what leaves `depth` layers, as the source nests its sums: indices p, q, s from there on
    /// inwards, of which `used` are taken.
    [[nodiscard]] document::Formula nested(std::size_t depth, const document::Formula& index, std::size_t used) const {
        if (depth == 0) {
            return "x_" + index;
        }
        return applied(depth - 1, nested_linear(depth - 1, index, used));
    }
    /// The same of the pre-activation of layer l.
    [[nodiscard]] document::Formula nested_linear(std::size_t l, const document::Formula& index,
                                                  std::size_t used) const {
        static constexpr std::array inner{"p", "q", "s"};
        const document::Formula next = inner[used];
        const document::Formula below = nested(l, next, used + 1);
        const bool sum = l > 0 && shape_.activation(l - 1) == Activation::identity;
        return "\\sum_{" + next + "}" + entry_of(weight(l), index + next) + when(!sum, "\\,") +
               in_brackets(sum, below) + "+" + entry_of(bias(l), index);
    }
    /// z of layer l as nested sums in x, as the source has it under Eq. (14) and (16); that of the first layer is no
    /// other than its components.
    [[nodiscard]] document::Formula nested_z(std::size_t l) const {
        if (l == 0 || layers() > most_layers_of_nested_sums) {
            return {};
        }
        return at(z(l), "i") + "=" + nested_linear(l, "i", 0);
    }

    static document::Formula replaced(document::Formula text, std::string_view old, const document::Formula& with) {
        const std::size_t found = text.find(old);
        if (found != document::Formula::npos) {
            text.replace(found, old.size(), with);
        }
        return text;
    }

    // --- Factors ----------------------------------------------------------------------------------------------------

    void jacobians() {
        const std::size_t K = shape_.outputs();
        const document::Formula dl = partial("l", "\\hat y");
        const std::string_view cited =
            shape_.output == Activation::sigmoid ? loss_formulas_.equations_after_sigmoid : loss_formulas_.equations;
        result_.jacobians.push_back({.quantity = Quantity{"dl/dyhat", dl, 1, K, false},
                                     .diagonal = false,
                                     .entry = "\\left(" + dl + "\\right)_j=" + loss_formulas_.entry,
                                     .matrix = dl + "=" + loss_formulas_.jacobian,
                                     .where = loss_formulas_.step,
                                     .equations = citation(cited, loss_formulas_.as_derived),
                                     .layer = last()});
        for (std::size_t l = layers(); l-- > 0;) {
            result_.jacobians.push_back(activation_jacobian(l));
        }
        for (Jacobian& factor : result_.jacobians) {
            share_out_citation(factor);
        }
    }

    /// Eq. (1) and (2) are written for two layers.
    [[nodiscard]] std::string cited_network() const { return when(layers() != 2, "as ") + "Eq. (1)"; }

    static std::string citation(std::string_view equations, bool as_derived) {
        if (equations.empty()) {
            return "derivation §7";
        }
        return when(!as_derived, "as ") + "Eq. " + std::string(equations);
    }

    /// `Eq. (5), (6), (7)`: the entry is (5), the matrix (6), what stands in it (7); one source stands for all.
    static void share_out_citation(Jacobian& factor) {
        const std::string& all = factor.equations;
        const std::size_t first = all.find(", ");
        if (first == std::string::npos) {
            factor.entry_equation = factor.matrix_equation = all;
        } else {
            const std::string before = all.substr(0, all.find('('));
            const std::size_t second = all.find(", ", first + 2);
            factor.entry_equation = all.substr(0, first);
            factor.matrix_equation = before + all.substr(first + 2, second - first - 2);
            if (second != std::string::npos) {
                factor.where_equation = before + all.substr(second + 2);
            }
        }
        if (factor.where == indicator(true)) {  // whoever uses it: a loss too
            factor.where_equation = "Eq. (7)";
        } else if (!factor.where.empty() && factor.where_equation.empty()) {
            factor.where_equation = factor.matrix_equation;
        }
    }

    [[nodiscard]] Jacobian activation_jacobian(std::size_t l) const {
        const ActivationFormulas f = of(l);
        const document::Formula name = partial(a(l), z(l));
        const bool elementwise = facts(shape_.activation(l)).elementwise;
        const std::size_t size = shape_.sizes[l + 1];
        document::Formula entry;
        if (elementwise) {
            document::Formula on_diagonal = document::with_argument(f.derivative.literal, at(z(l), "i"));
            entry = "\\begin{cases}" + on_diagonal + "&\\text{if }i=j\\\\0&\\text{else}\\end{cases}";
            if (on_diagonal.starts_with("\\begin{cases}")) {
                entry = on_the_diagonal(on_diagonal);
            }
        } else {
            entry = "\\begin{cases}" + at(a(l), "i") + "(1-" + at(a(l), "i") + ")&\\text{if }i=j\\\\-" + at(a(l), "i") +
                    at(a(l), "j") + "&\\text{else}\\end{cases}";
        }
        const std::string_view cited = l == last() ? f.output_equations : f.hidden_equations;
        return {.quantity = Quantity{"d" + a_symbol(l) + "/d" + z_symbol(l), name, size, size, false},
                .diagonal = elementwise,
                .entry = "\\left(" + name + "\\right)_{ij}=" + entry,
                .matrix = name + "=" + replaced_all(document::with_argument(f.jacobian, z(l)), "\\a", a(l)),
                .where = f.indicator + document::with_argument(literal_where(f.derivative), at(z(l), "i")),
                .equations = citation(cited, f.as_derived),
                .layer = l};
    }

    /// Cases of a derivative as the entry of a diagonal matrix: as Eq. (5), the case 0 takes what is off the diagonal.
    static document::Formula on_the_diagonal(const document::Formula& cases) {
        document::Formula result = replaced_all(cases, "&\\text{if }", "&\\text{if }i=j\\text{ and }");
        if (cases.find("0&\\text{if }") == document::Formula::npos) {
            return replaced_all(result, "\\end{cases}", "\\\\0&\\text{else}\\end{cases}");
        }
        return replaced_all(result, "0&\\text{if }i=j\\text{ and }", "0&\\text{if }i\\ne j\\text{ or }");
    }

    static document::Formula replaced_all(document::Formula text, std::string_view old, const document::Formula& with) {
        for (std::size_t found = 0; (found = text.find(old, found)) != document::Formula::npos; found += with.size()) {
            text.replace(found, old.size(), with);
        }
        return text;
    }

    // --- Backward ---------------------------------------------------------------------------------------------------

    /// The row ∂l/∂z of layer l as a product of factors.
    [[nodiscard]] document::Formula row_product(std::size_t l) const {
        document::Formula product;
        if (l == last()) {
            product = partial("l", "\\hat y");
        } else if (layers() <= most_layers_of_products) {
            product = row_product(l + 1) + "\\," + weight(l + 1) + "\\,";
        } else {
            product = delta(l + 1) + "^T\\," + weight(l + 1) + "\\,";
        }
        return product + partial(a(l), z(l));
    }

    void backward() {
        for (std::size_t l = layers(); l-- > 0;) {
            document::Formula above = partial("l", "\\hat y");
            if (l < last()) {
                above = delta(l + 1) + "^T\\," + weight(l + 1) + "\\,";
            }
            above += partial(a(l), z(l));
            result_.deltas.push_back(
                {.quantity = Quantity{"dl/d" + z_symbol(l), partial("l", z(l)), shape_.sizes[l + 1]},
                 .short_name = delta(l),
                 .product = delta(l) + "^T=" + above,
                 .components = at(delta(l), "i") + "=" + delta_entry(l),
                 .layer = l});
        }
        for (std::size_t l = 0; l < layers(); ++l) {
            const std::size_t out = shape_.sizes[l + 1], in = shape_.sizes[l];
            const std::string n = number(l + 1);
            result_.backward.push_back({.parameter = weight_name(l),
                                        .parameter_name = weight(l),
                                        .quantity = Quantity{"dl/dW" + n, partial("l", weight(l)), out, in, false},
                                        .product = input(l) + "\\cdot " + row_product(l),
                                        .own = delta(l) + "\\," + input(l) + "^T",
                                        .components = partial("l", entry_of(weight(l), "ij")) + "=" +
                                                      at(delta(l), "i") + "\\," + at(input(l), "j"),
                                        .layer = l,
                                        .bias = false});
            result_.backward.push_back({.parameter = bias_name(l),
                                        .parameter_name = bias(l),
                                        .quantity = Quantity{"dl/db" + n, partial("l", bias(l)), out},
                                        .product = row_product(l),
                                        .own = delta(l),
                                        .components = partial("l", entry_of(bias(l), "i")) + "=" + at(delta(l), "i"),
                                        .layer = l,
                                        .bias = true});
        }
    }

    [[nodiscard]] document::Formula delta_entry(std::size_t l) const {
        const document::Formula slope = activation_name(l) + "'(" + at(z(l), "i") + ")";
        if (l < last()) {
            return "\\left(\\sum_{k}" + at(delta(l + 1), "k") + "\\," + entry_of(weight(l + 1), "ki") + "\\right)" +
                   slope;
        }
        if (shape_.output == Activation::softmax) {
            return "\\sum_{j}\\left(" + partial("l", "\\hat y") + "\\right)_j\\left(" + partial("\\hat y", z(l)) +
                   "\\right)_{ji}";
        }
        return "\\left(" + partial("l", "\\hat y") + "\\right)_i\\," + slope;
    }

    // --- By component -----------------------------------------------------------------------------------------------

    /// Where the source writes a sum: under the entry of the factor that it goes into (derivation §6.9).
    [[nodiscard]] static std::string under(const Jacobian& factor) {
        const std::size_t equation = factor.entry_equation.find("Eq. ");
        if (equation == std::string::npos) {
            return "derivation §6.9";
        }
        return "under " + factor.entry_equation.substr(equation);
    }

    void add_component(const std::string& symbol, const document::Formula& formula, const std::string& equations) {
        if (!formula.empty()) {
            result_.components.push_back({symbol, formula, equations});
        }
    }

    void components() {
        for (std::size_t l = 0; l < layers(); ++l) {
            const ForwardRow &linear = result_.forward[2 * l], &activation = result_.forward[2 * l + 1];
            const std::string here = under(result_.jacobians[layers() - l]);
            add_component(linear.quantity.symbol, linear.components, here);
            add_component(linear.quantity.symbol, linear.nested, here);
            add_component(activation.quantity.symbol, activation.components, activation.equations);
        }
        add_component("yhat", result_.output_components, under(result_.jacobians.front()));
        if (loss_.kind == Loss::squared_error) {
            const document::Formula entry = "(\\hat y_j-y_j)^2";
            add_component("l", "l=" + replaced(result_.loss, "\\|\\hat y-y\\|^2", "\\sum_{j}" + entry),
                          result_.loss_row.equations);
        }
        for (const Delta& delta : result_.deltas) {
            add_component(delta.quantity.symbol, delta.components, "derivation §7.1");
        }
        for (const BackwardRow& row : result_.backward) {
            add_component(row.quantity.symbol, row.components, "derivation §6.2");
        }
    }

    // --- What is computed -------------------------------------------------------------------------------------------

    static Written filled(const Written& written, const document::Formula& argument) {
        return {document::with_argument(written.literal, argument), document::with_argument(written.computed, argument),
                document::with_argument(written.where, argument), written.why};
    }

    void add_computation(const document::Prose& what, const Written& written, const document::Formula& argument) {
        if (!written.computed.empty()) {
            result_.computations.push_back({what, filled(written, argument)});
        }
    }

    /// `$f$, $g$`: the layers that have this activation; of many the first and the last.
    [[nodiscard]] document::Prose users_of(Activation activation) const {
        constexpr std::size_t most_named = 3;
        std::vector<document::Prose> users;
        for (std::size_t l = 0; l < layers(); ++l) {
            if (shape_.activation(l) == activation) {
                users.push_back("$" + activation_name(l) + "$");
            }
        }
        if (users.size() > most_named) {
            return users.front() + ", $\\dots$, " + users.back();
        }
        document::Prose list;
        for (const document::Prose& user : users) {
            add_item(list, ", ", user);
        }
        return list;
    }

    void computations() {
        const OutputFormulas output = output_formulas(loss_.kind, shape_.output, shape_.conventions, use_double_);
        for (const Activation activation : all_activations) {
            const document::Prose users = users_of(activation);
            if (!users.empty()) {
                const ActivationFormulas f = formulas(activation, settings_, use_double_);
                const document::Formula argument = activation == Activation::softmax ? z(last()) : "z";
                add_computation(std::string(name(activation)) + ", value (" + users + ")", f.value, argument);
                add_computation(std::string(name(activation)) + ", slope (" + users + ")", f.derivative, argument);
            }
        }
        add_computation("$l$", output.loss, z(last()));
        add_computation("$" + at(delta(last()), "j") + "$", output.delta, z(last()));
        const bool logits = output.delta.computed.empty() && facts(loss_.kind).residual &&
                            (shape_.output == Activation::sigmoid || shape_.output == Activation::softmax);
        if (logits) {
            add_computation(
                "$\\hat y_j-y_j$",
                {.literal = "\\hat y_j-y_j",
                 .computed = shape_.output == Activation::sigmoid ? "(1-y_j)\\sigma(\\z_j)-y_j\\sigma(-\\z_j)"
                                                                  : "\\hat y_j(1-y_j)-y_j\\sum_{i\\ne j}\\hat y_i",
                 .why = "The difference cancels where $\\hat y$ comes near $y=1$; from the logits it does "
                        "not."},
                z(last()));
        }
    }

    const Architecture& shape_;
    ActivationSettings settings_;
    LossFunction loss_;
    LossFormulas loss_formulas_;
    bool use_double_;
    Derivation result_;
};

}  // namespace

Derivation derive(const Architecture& architecture, const LossFunction& loss, bool use_double) {
    architecture.check();
    return Writer(architecture, loss, use_double).write();
}

}  // namespace handgrad::explain
