// Formulas are written once, in a small part of LaTeX's mathematics; this turns them into plain Unicode text.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace handgrad::document {

/// Mathematics in the part of LaTeX that unicode_of() reads: letters, numbers, Greek and other symbols by name, scripts
/// (x_{ij}, W^{(1)}, f'), \frac, \sqrt, \sum, \hat y, functions by name or \mathrm, \text, cases. It is LaTeX (with
/// amsmath) as it stands, but for \blank, which stands for what is to be filled in.
using Formula = std::string;

/// The formula as one line of text: `\frac{e^{-z_1}}{(1+e^{-z_1})^2}` reads e^{−z₁}/(1 + e^{−z₁})². Scripts become
/// raised and lowered characters where Unicode has all of them. A command that is not in the part asserts: formulas
/// come from the library, never from a file.
std::string unicode_of(std::string_view formula);
/// The formula as an element <math> of MathML Core, which browsers set by themselves; `display` on a line of its own.
std::string mathml_of(std::string_view formula, bool display = false);

/// `text` with `\z` replaced by `argument` throughout: how a formula in z is applied. An index joins those of the
/// argument: `\z_j` of z_{3} is z_{3,j}.
Formula with_argument(std::string_view text, std::string_view argument);

/// So many significant digits (at most 17), whatever the locale: `-0.00123457`, `1.5e-07`, `inf`, `nan`.
inline constexpr int usual_digits = 6;
std::string significant_digits(double value, int digits);
inline std::string six_digits(double value) { return significant_digits(value, usual_digits); }
/// The same as a formula: `1.5\cdot10^{-7}`.
Formula number_formula(double value, int digits = usual_digits);

/// Text for people in which formulas stand between dollars: `the factor $\sigma'(z_1)$`.
using Prose = std::string;

/// A text from outside, a name or a cell, as prose: dollars in it stay dollars, control characters become blanks.
Prose prose_of(std::string_view text);

/// Prose part by part: `text` and `formula` say how each is written.
std::string written(std::string_view prose, const std::function<std::string(std::string_view)>& text,
                    const std::function<std::string(std::string_view)>& formula);
/// Prose as plain Unicode text.
std::string unicode_of_prose(std::string_view prose);

}  // namespace handgrad::document
