// Texts and numbers as parts of a page.
#pragma once

#include <string>
#include <string_view>

#include "handgrad/document/notation.hpp"

namespace handgrad::document {

/// What has a meaning in HTML is escaped, also for attributes in double quotes; control characters become blanks, and
/// what is not UTF-8 U+FFFD.
std::string escape_html(std::string_view text);

/// `<name>content</name>`; `name` may have attributes.
std::string element(std::string_view name, std::string_view content);

/// Prose with its formulas in MathML.
std::string html_of(const Prose& prose);

}  // namespace handgrad::document
