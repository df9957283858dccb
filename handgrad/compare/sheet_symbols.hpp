// The symbols of a sheet as people write them: z1, z₁, z_1, Z1, ∂l/∂W⁽¹⁾, dl/dW_1, \frac{\partial l}{\partial W^{(1)}}.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/explain/derivation.hpp"

namespace handgrad::compare {

/// `text` in small plain letters, as dl/dw1 for all of dl/dW1, ∂l/∂W⁽¹⁾, dL/dW_1 and ∂loss/∂W^{(1)}. What names an
/// entry (z1_2, (∂l/∂ŷ)ⱼ) or counts z by layers (z⁽²⁾, z[2]) keeps a sign that no symbol has.
std::string plain_symbol(std::string_view text);

/// What may stand before a symbol in a list, a quotation or Markdown, and around it, left out.
std::string_view without_decoration(std::string_view text);

class SheetSymbols {
public:
    /// `asked` are the quantities of asked_quantities() for `derivation`.
    SheetSymbols(const std::vector<explain::Quantity>& asked, const explain::Derivation& derivation);

    /// As the sheet has it, letter by letter.
    [[nodiscard]] std::optional<std::size_t> exactly(std::string_view text) const;
    /// In any way of writing it.
    [[nodiscard]] std::optional<std::size_t> understood(std::string_view text) const;

private:
    struct Known {
        std::string plain;
        std::size_t asked;
    };
    const std::vector<explain::Quantity>& asked_;
    std::vector<Known> known_;
};

/// z7, dl/dW3, linear3.weight: what a sheet of some network asks for.
bool is_of_some_network(std::string_view plain);
/// x, y, W1, b1: what stands on a sheet in numbers and is no answer.
bool is_of_the_problem(std::string_view plain);
/// dl/da1, dz3/dz2, a1, dW3: a quantity, if none that a sheet asks for.
bool looks_like_quantity(std::string_view plain);

}  // namespace handgrad::compare
