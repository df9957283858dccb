// A filled sheet in text, Markdown or CSV, line by line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "handgrad/compare/answers.hpp"
#include "handgrad/explain/derivation.hpp"

namespace handgrad::compare {

/// As read_sheet() says, of a text that is not empty and no JSON; `asked` are the quantities of asked_quantities().
ReadSheet read_text(std::string_view sheet, const std::string& source, const std::vector<explain::Quantity>& asked,
                    const explain::Derivation& derivation);

}  // namespace handgrad::compare
