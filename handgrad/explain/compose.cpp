// The order of things on the page: the tables of the network, then the five steps in numbers.
#include "handgrad/explain/compose.hpp"

#include <algorithm>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/base/wording.hpp"

namespace handgrad::explain {
namespace {

document::Prose math(const document::Formula& formula) { return "$" + formula + "$"; }

Matrix<double> scalar(double value) {
    Matrix<double> result(1, 1);
    result(0, 0) = value;
    return result;
}

class Composer {
public:
    Composer(const Explanation& explanation, const SheetOptions& options)
        : e_(explanation), d_(explanation.derivation), options_(options) {}

    document::Document compose() {
        network();
        training();
        forward_table();
        backward_table();
        factors();
        if (options_.components) {
            components();
        }
        if (!options_.blank) {
            computations();
            slopes();
        }
        update();
        add(document::Heading{"Conventions"});
        add(document::Items{d_.conventions});
        if (e_.row) {
            row();
            steps();
            if (!options_.blank) {
                slopes_of_row();
            }
        }
        return std::move(document_);
    }

private:
    template <class B>
    void add(B block) {
        document_.emplace_back(std::move(block));
    }
    [[nodiscard]] document::Prose or_blank(const document::Prose& text) const {
        if (!options_.blank) {
            return text;
        }
        return room_for(text);
    }
    /// Underscores, as wide as what belongs there within what a table has room for.
    static document::Prose room_for(const document::Prose& text) {
        constexpr std::size_t least = 4, most = 24;
        return document::Prose(std::clamp(display_width(document::unicode_of_prose(text)), least, most), '_');
    }

    /// What a sheet of blanks leaves out altogether.
    [[nodiscard]] document::Formula shown(const document::Formula& formula) const {
        return when(!options_.blank, formula);
    }
    static document::Layout layout_of(const Quantity& quantity) {
        return quantity.vector ? document::Layout::vector : document::Layout::matrix;
    }

    // --- The tables -------------------------------------------------------------------------------------------------

    void network() {
        const Architecture& shape = d_.architecture;
        document::Prose chain;
        for (const ForwardRow& row : d_.forward) {  // formulas of their own, between which a line may end
            add_item(chain, " " + math("\\to"), math(row.layer_name));
        }
        add(document::Heading{"The derivation of " + chain});
        document::Prose text;
        for (std::size_t l = 0; l < shape.layers(); ++l) {
            text += math(d_.forward[2 * l + 1].layer_name) + " is " + std::string(name(shape.activation(l))) + ", ";
        }
        text += "the loss is " + std::string(name(d_.loss_function.kind)) + ". ";
        for (std::size_t i = 0; i < d_.letters.size(); ++i) {
            if (i > 0) {
                text += i + 1 == d_.letters.size() ? " and " : ", ";
            }
            text += d_.letters[i];
        }
        add(document::Paragraph{text + "."});
    }

    void training() {
        add(document::Heading{"The five steps of training"});
        document::TableOfProse table{.heading = {"step", "", "from"}, .rows = {}};
        std::size_t before = 0;
        std::string said;
        for (const TrainingStep& step : e_.steps) {
            document::Prose what = step.what;
            if (step.number == before && step.what == said) {
                what.clear();
            }
            const document::Prose label = when(step.number != before, std::to_string(step.number) + " ") + what;
            table.rows.push_back({label, or_blank(math(step.formula)), or_blank(step.equations)});
            before = step.number;
            said = step.what;
        }
        add(std::move(table));
    }

    void forward_table() {
        add(document::Heading{d_.forward_title});
        document::TableOfProse table{.heading = {"layer", "input", "output", "symbol", "size"}, .rows = {}};
        for (const ForwardRow& row : d_.forward) {
            table.rows.push_back({math(row.layer_name), or_blank(math(row.input)), or_blank(math(row.output)),
                                  math(row.quantity.name), math(shape_of(row.quantity))});
        }
        table.rows.push_back(
            {"loss", or_blank(math(d_.loss_row.input)), or_blank(math(d_.loss_row.output)), math("l"), math("1")});
        add(std::move(table));
    }

    void backward_table() {
        add(document::Heading{d_.backward_title});
        document::TableOfProse table{.heading = {"parameter", "gradient", "in its own shape", "shape"}, .rows = {}};
        for (const BackwardRow& row : d_.backward) {
            table.rows.push_back({math(row.parameter_name), or_blank(math(row.product)), or_blank(math(row.own)),
                                  math(shape_of(row.quantity))});
        }
        add(std::move(table));
        document::TableOfProse deltas{.heading = {"$\\delta$, the column of $\\partial l/\\partial z$", "is", "size"},
                                      .rows = {}};
        for (const Delta& delta : d_.deltas) {
            deltas.rows.push_back({math(delta.short_name + "^T=" + delta.quantity.name), or_blank(math(delta.product)),
                                   math(shape_of(delta.quantity))});
        }
        add(std::move(deltas));
    }

    void factors() {
        add(document::Heading{"The factors"});
        document::TableOfProse table{.heading = {"factor", "shape", "from"}, .rows = {}};
        std::vector<document::Formula> said_before;
        for (const Jacobian& factor : d_.jacobians) {
            const document::Formula left = factor.entry.substr(0, factor.entry.find('=') + 1);
            document::Prose entry = math(factor.entry);
            document::Prose matrix = math(factor.matrix) + when(factor.diagonal, ", diagonal");
            if (options_.blank) {
                entry = math(left) + room_for(math(factor.entry.substr(left.size())));
                matrix = math(factor.quantity.name + "=") + room_for(math(right_side(factor.matrix)));
            }
            table.rows.push_back({entry, "", or_blank(factor.entry_equation)});
            table.rows.push_back({matrix, math(shape_of(factor.quantity)), or_blank(factor.matrix_equation)});
            const bool said = std::ranges::count(said_before, factor.where) > 0;
            if (!factor.where.empty() && !said && !options_.blank) {
                table.rows.push_back({"with " + math(factor.where), "", factor.where_equation});
                said_before.push_back(factor.where);
            }
        }
        add(std::move(table));
    }

    void components() {
        add(document::Heading{"By component"});
        document::TableOfProse table{.heading = {"", ""}, .rows = {}};
        for (const ComponentRow& row : d_.components) {
            document::Prose sum = math(row.formula);
            if (options_.blank) {
                sum = math(row.formula.substr(0, row.formula.find('=') + 1) + "\\blank");
            }
            const bool asked_below = options_.blank && row.symbol == "l";  // `l = ____` would be read as its answer
            if (!asked_below) {
                table.rows.push_back({sum, or_blank(row.equations)});
            }
        }
        add(std::move(table));
    }

    void computations() {
        if (d_.computations.empty()) {
            return;
        }
        add(document::Heading{"Where the formula as written is not what is computed (derivation §6.5)"});
        document::TableOfProse table{.heading = {"", "", ""}, .rows = {}};
        for (const Computation& c : d_.computations) {
            const document::Prose where = when(!c.written.where.empty(), " with " + math(c.written.where));
            table.rows.push_back({c.what, "as written", math(c.written.literal)});
            table.rows.push_back({"", "computed", math(c.written.computed) + where});
            table.rows.push_back({"", "why", document::Prose(c.written.why)});
        }
        add(std::move(table));
    }

    /// Derivation §5: sentences about the network, and below the numbers of its row.
    void slopes() {
        add(document::Heading{"Why ReLU: what the slopes leave of the gradients (derivation §5)"});
        document::Prose text;
        for (const document::Prose& sentence : e_.slopes.text) {
            add_item(text, " ", sentence);
        }
        add(document::Paragraph{text});
    }

    void slopes_of_row() {
        add(document::Heading{"What the slopes left of the gradients in this row (derivation §5)", true});
        document::TableOfProse table{.heading = {"slope", "units", "smallest", "mean", "largest", "flat", "leaves"},
                                     .rows = {}};
        for (const SlopeFactor& factor : e_.slopes.factors) {
            const SlopesOfRow& row = *factor.row;
            document::Prose left = when(factor.cancels, "cancels");
            if (row.passed) {
                left = document::six_digits(*row.passed);
            }
            table.rows.push_back({math(factor.layer_name + "'"), std::to_string(factor.units),
                                  document::six_digits(row.smallest), document::six_digits(row.mean),
                                  document::six_digits(row.largest), std::to_string(row.flat), left});
        }
        add(std::move(table));
        document::Prose text;
        for (const document::Prose& sentence : e_.slopes.row_text) {
            add_item(text, " ", sentence);
        }
        add(document::Paragraph{text});
    }

    void update() {
        add(document::Heading{"The update, Eq. (4)"});
        const auto optimizer = std::ranges::find(optimizer_list, e_.step.optimizer.kind, &OptimizerFacts::kind);
        add(document::Paragraph{"Every parameter $w$ moves by " + std::string(optimizer->name) + ", with " +
                                e_.update.settings + ":"});
        if (options_.blank) {
            add(document::Equations{{"w\\leftarrow\\blank"}});
            return;
        }
        add(document::Equations{e_.update.rules});
        if (!e_.update.note.empty()) {
            const bool same = e_.update.first_step == e_.update.rules.back();
            add(document::Paragraph{e_.update.note + when(!same, " So it is " + math(e_.update.first_step) + ".")});
        }
    }

    // --- The five steps in numbers ----------------------------------------------------------------------------------

    void row() {
        const ExplainedRow& row = *e_.row;
        add(document::Heading{row_heading + std::to_string(row.number) + " (" + document::prose_of(row.place) + ")"});
        document::Prose text = "Computed in " + std::string(e_.use_double ? "float64" : "float32") + ", shown with " +
                               digits_in_words() + " digits. Columns are printed lying down, marked ${}^T$.";
        if (e_.weighted) {
            text += " The weight of the row cancels in a batch of one.";
        }
        if (std::max({widest(), d_.architecture.inputs()}) > document::most_shown) {
            text += " Of more than " + std::to_string(document::most_shown) +
                    " rows or columns the first and the last are shown.";
        }
        add(document::Paragraph{text});
        if (options_.blank) {
            add(document::Paragraph{wanted()});
        }
        document::TableOfProse table{
            .heading = {"", "column", "in the table", when(row.encoded, "what the network sees")}, .rows = {}};
        cells(table, "x", row.inputs, row.trace.x);
        cells(table, "y", row.outputs, row.trace.y);
        add(std::move(table));
    }

    [[nodiscard]] std::string digits_in_words() const {
        if (digits_given() == document::usual_digits) {
            return "six";
        }
        return std::to_string(digits_given());
    }
    /// What is asked of whoever fills the sheet in.
    [[nodiscard]] document::Prose wanted() const {
        const int digits = options_.digits_asked();
        const double example = 0.0123456789012345678;
        return digits_wanted + std::to_string(digits) + " significant ones, as in " +
               document::significant_digits(example, digits) + " or " +
               document::significant_digits(1e3 * example, digits) +
               ". Go on with the numbers as you wrote them, or with more digits. Fractions, decimal commas and "
               "powers as 2e-3 are understood; entries count from 1.";
    }

    static void cells(document::TableOfProse& table, const document::Formula& letter,
                      const std::vector<ExplainedCell>& cells, const Matrix<double>& values) {
        const bool encoded = !table.heading.back().empty();
        for (const std::size_t i : document::shown_indices(cells.size())) {
            if (i == document::gap) {
                table.rows.push_back({"$\\dots$", "", "", ""});
                continue;
            }
            table.rows.push_back({math(letter + "_{" + std::to_string(i + 1) + "}"), document::prose_of(cells[i].name),
                                  document::prose_of(cells[i].cell),
                                  when(encoded, document::six_digits(values(i, 0)))});
        }
    }

    [[nodiscard]] std::size_t widest() const {
        const std::vector<std::size_t>& sizes = d_.architecture.sizes;
        return *std::ranges::max_element(sizes);
    }

    /// Numbers that a sheet of blanks leaves out; `formula` is what they are computed from.
    void asked(const Quantity& quantity, const document::Formula& formula, const Matrix<double>& values) {
        add(document::Numbers{.symbol = quantity.symbol,
                              .name = quantity.name,
                              .formula = shown(formula),
                              .layout = layout_of(quantity),
                              .values = values,
                              .blank = options_.blank,
                              .digits = digits()});
    }
    /// Numbers that one starts from.
    void given(const Quantity& quantity, const Matrix<double>& values) {
        add(document::Numbers{.symbol = quantity.symbol,
                              .name = quantity.name,
                              .layout = layout_of(quantity),
                              .values = values,
                              .digits = digits_given()});
    }
    /// Of what is asked for.
    [[nodiscard]] int digits() const {
        if (options_.blank) {
            return options_.digits_asked();
        }
        return options_.digits_shown();
    }
    /// Of what is there even on a sheet of blanks.
    [[nodiscard]] int digits_given() const {
        if (options_.blank) {
            return document::usual_digits;
        }
        return options_.digits_shown();
    }

    void steps() {
        const Trace& t = e_.row->trace;
        add(document::Heading{"Step 1, the parameters as they are", true});
        for (std::size_t p = 0; p < t.parameters.size(); ++p) {
            given(parameter(p), t.parameters[p]);
        }

        add(document::Heading{"Step 2, forward", true});
        given({"x", "x", t.x.rows()}, t.x);
        for (std::size_t i = 0; i < d_.forward.size(); ++i) {
            const ForwardRow& row = d_.forward[i];
            asked(row.quantity, in_symbols(i), t.forward[i]);
        }

        add(document::Heading{"Step 3, the loss", true});
        given({"y", "y", t.y.rows()}, t.y);
        add(document::Numbers{.symbol = "l",
                              .name = "l",
                              .formula = shown(d_.loss),
                              .layout = document::Layout::scalar,
                              .values = scalar(t.loss),
                              .blank = options_.blank,
                              .digits = digits(),
                              .note = when(t.penalty != 0.0, "beside it the penalty $\\frac{1}{2}\\alpha\\|w\\|^2=" +
                                                                 document::number_formula(t.penalty) + "$")});

        add(document::Heading{"Step 4, backward: zero, then accumulate", true});
        add(document::Equations{{"\\frac{\\partial l}{\\partial w}\\leftarrow0\\text{ for every }w"}});
        for (std::size_t i = 0; i < d_.jacobians.size(); ++i) {
            jacobian(d_.jacobians[i], t.jacobians[i]);
        }
        for (std::size_t i = 0; i < d_.deltas.size(); ++i) {
            const Delta& delta = d_.deltas[i];
            add(document::Numbers{.symbol = delta.quantity.symbol,
                                  .name = delta.short_name + "^T",
                                  .formula = shown(right_side(delta.product)),
                                  .layout = document::Layout::row,
                                  .values = t.deltas[i],
                                  .blank = options_.blank,
                                  .digits = digits()});
        }
        for (std::size_t i = 0; i < d_.backward.size(); ++i) {
            asked(d_.backward[i].quantity, "0+" + d_.backward[i].own, t.gradients[i]);
        }

        add(document::Heading{"Step 5, the update", true});
        for (std::size_t p = 0; p < t.updated.size(); ++p) {
            const Quantity quantity = parameter(p);
            add(document::Numbers{.symbol = d_.backward[p].parameter,
                                  .name = quantity.name,
                                  .formula = shown(plain_update(p)),
                                  .layout = layout_of(quantity),
                                  .values = t.updated[p],
                                  .blank = options_.blank,
                                  .updated = true,
                                  .digits = digits()});
        }
    }

    /// What stands behind the first `=`.
    static document::Formula right_side(const document::Formula& equation) {
        return equation.substr(equation.find('=') + 1);
    }

    /// W⁽¹⁾ − η ∂l/∂W⁽¹⁾ where Eq. (4) is all that happens.
    [[nodiscard]] document::Formula plain_update(std::size_t p) const {
        const OptimizerOptions& o = e_.step.optimizer;
        const bool plain = o.kind == OptimizerKind::sgd && !o.nesterov && e_.step.penalty == 0.0;
        return when(plain, d_.backward[p].parameter_name + "-\\eta\\," + d_.backward[p].quantity.name);
    }

    /// W1, b1, W2 … in their own shapes.
    [[nodiscard]] Quantity parameter(std::size_t p) const {
        const BackwardRow& row = d_.backward[p];
        Quantity quantity = row.quantity;
        quantity.symbol = (row.bias ? "b" : "W") + std::to_string(row.layer + 1);
        quantity.name = row.parameter_name;
        return quantity;
    }

    /// Forward row i in the symbols of the row above it.
    [[nodiscard]] document::Formula in_symbols(std::size_t i) const {
        const ForwardRow& row = d_.forward[i];
        const document::Formula before = i == 0 ? "x" : d_.forward[i - 1].quantity.name;
        if (row.activation) {
            return document::with_argument(formulas(*row.activation, d_.architecture.activation_settings()).applied,
                                           before);
        }
        return d_.backward[i].parameter_name + before + "+" + d_.backward[i + 1].parameter_name;
    }

    void jacobian(const Jacobian& factor, const TracedJacobian& traced) {
        const bool dense = !traced.diagonal || traced.columns() <= document::most_shown;
        Matrix<double> values = traced.value;
        if (traced.diagonal && dense) {
            values = Matrix<double>(traced.rows(), traced.columns());
            for (std::size_t i = 0; i < traced.columns(); ++i) {
                values(i, i) = traced.at(i, i);
            }
        }
        add(document::Numbers{.symbol = factor.quantity.symbol,
                              .name = factor.quantity.name,
                              .formula = shown(right_side(factor.matrix)),
                              .layout = dense ? document::Layout::matrix : document::Layout::diagonal,
                              .values = std::move(values),
                              .blank = options_.blank,
                              .digits = digits(),
                              .note = when(traced.diagonal && dense && !options_.blank, "diagonal")});
    }

    const Explanation& e_;
    const Derivation& d_;
    SheetOptions options_;
    document::Document document_;
};

}  // namespace

document::Document compose(const Explanation& explanation, const SheetOptions& options) {
    const std::vector<std::size_t>& sizes = explanation.derivation.architecture.sizes;
    const std::size_t widest = *std::ranges::max_element(sizes);
    if (options.blank && explanation.row && widest > document::most_shown) {
        throw Error(ErrorKind::usage,
                    "exercise sheet: a layer of " + std::to_string(widest) + " is more than a hand fills in; up to " +
                        std::to_string(document::most_shown) + " inputs and units have room for numbers");
    }
    return Composer(explanation, options).compose();
}

document::Formula shape_of(const Quantity& quantity) {
    return std::to_string(quantity.rows) + when(!quantity.vector, "\\times" + std::to_string(quantity.columns));
}

}  // namespace handgrad::explain
