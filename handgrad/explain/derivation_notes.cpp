// Sentences about conventions and letters, only those that this network needs.
#include "handgrad/explain/derivation_notes.hpp"

#include <cstddef>
#include <string>

#include "handgrad/base/wording.hpp"

namespace handgrad::explain {
namespace {

document::Prose reduced(Reduction reduction) {
    switch (reduction) {
        case Reduction::sum:
            return "a sum over the $K$ outputs";
        case Reduction::mean:
            return "a mean over the $K$ outputs";
        case Reduction::half_sum:
            return "half the sum over the $K$ outputs";
    }
    __builtin_unreachable();
}

document::Prose preset_of(const Conventions& conventions) {
    return " (convention " + std::string(conventions.name) + ")";
}

void add_reduction(const Conventions& chosen, Loss loss, std::vector<document::Prose>& notes) {
    if (loss == Loss::squared_error) {
        const bool as_written = chosen.squared_error == Reduction::sum;
        notes.push_back("The squared error is " + reduced(chosen.squared_error) + preset_of(chosen) +
                        (as_written ? ", as Eq. (3) has it." : "; Eq. (3), and with it (10), (11), has the sum."));
    } else if (loss == Loss::binary_cross_entropy) {
        const bool as_written = chosen.binary_cross_entropy == Reduction::mean;
        notes.push_back("Binary cross-entropy is " + reduced(chosen.binary_cross_entropy) + preset_of(chosen) +
                        (as_written ? ", as Table 5 has it." : "; Table 5, and with it (18), (19), has the mean."));
    } else if (loss != Loss::cross_entropy) {
        notes.push_back("The loss is " + reduced(chosen.other_losses) + preset_of(chosen) + ".");
    }
}

void add_kinks(const Architecture& shape, Loss loss, std::vector<document::Prose>& notes) {
    bool kink = false, relu = false;
    for (std::size_t l = 0; l < shape.layers(); ++l) {
        kink = kink || facts(shape.activation(l)).kink;
        relu = relu || shape.activation(l) == Activation::relu;
    }
    const bool right = shape.conventions.kink == Kink::right_limit;
    const document::Prose preset = preset_of(shape.conventions);
    if (relu) {
        const document::Prose slope = "$\\mathrm{ReLU}'(0)=" + std::to_string(right ? 1 : 0) + "$" + preset;
        notes.push_back(slope + when(right, ", as Eq. (7) has it.") + when(!right, "; Eq. (7) has 1."));
    } else if (kink) {
        notes.push_back("The slope at $z=0$ is " + std::string(right ? "the right one" : "that nearest to 0") + preset +
                        ".");
    }
    if (facts(loss).kink) {
        notes.push_back("The slope of the loss at $\\hat y=y$ is " + std::string(right ? "the right one" : "0") +
                        preset + ".");
    }
}

/// `$n=3$ inputs`.
document::Prose counted(const document::Formula& letter, std::size_t count, const std::string& what) {
    return "$" + letter + "=" + std::to_string(count) + "$ " + what + when(count != 1, "s");
}

document::Prose setting(const document::Formula& letter, double value, const std::string& what) {
    return "$" + letter + "=" + document::number_formula(value) + "$" + what;
}

}  // namespace

std::vector<document::Prose> convention_notes(const Architecture& shape, const LossFunction& loss) {
    std::vector<document::Prose> notes;
    add_reduction(shape.conventions, loss.kind, notes);
    add_kinks(shape, loss.kind, notes);
    notes.emplace_back(
        "Vectors are columns, Jacobians have $(\\partial u/\\partial v)_{ij}=\\partial u_i/\\partial v_j$. A product "
        "$x\\cdot$(row) of the backward table is the transpose of the parameter's shape; stored is $\\delta x^T$, in "
        "the "
        "parameter's own (derivation §6.2).");
    if (shape.layers() != 2) {
        notes.emplace_back(
            "The derivation writes its equations for two layers; they are cited for the same factor of other layers.");
    }
    return notes;
}

std::vector<document::Prose> letter_notes(const Architecture& shape, const LossFunction& loss) {
    std::vector<document::Prose> letters{counted("n", shape.inputs(), "input")};
    if (shape.layers() == 2) {
        letters.push_back(counted("r", shape.sizes[1], "hidden unit"));
    }
    letters.push_back(counted("K", shape.outputs(), "output"));
    bool leaky = false;
    for (std::size_t l = 0; l < shape.layers(); ++l) {
        leaky = leaky || shape.activation(l) == Activation::leaky_relu;
    }
    if (leaky) {
        letters.push_back(setting("a", shape.leaky_slope, ", the slope of leaky_relu for $z<0$"));
    }
    if (loss.kind == Loss::huber) {
        letters.push_back(setting("\\Delta", loss.huber_delta, " of huber"));
    }
    if (loss.kind == Loss::quantile) {
        letters.push_back(setting("q", loss.quantile, " of quantile"));
    }
    return letters;
}

}  // namespace handgrad::explain
