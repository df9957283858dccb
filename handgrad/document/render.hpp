// Explanations as text for a terminal, as Markdown, as HTML and as LaTeX.
#pragma once

#include <string>

#include "handgrad/document/document.hpp"

namespace handgrad::document {

/// Lines of at most 100 places, tables aligned, Unicode mathematics. A sheet of blanks has lines `z1 = [ ____  ____ ]`,
/// which read_answers() reads when they have been filled in; so has that in Markdown.
std::string render_text(const Document& document);

/// Headings, pipe tables, mathematics in Unicode, numbers in fenced blocks as render_text() lays them out.
std::string render_markdown(const Document& document);

/// A part of a page: headings <h3> and <h4>, tables and numbers each in a <div class="wide"> that scrolls by itself,
/// mathematics in MathML.
std::string render_html(const Document& document);

/// A whole article that pdflatex compiles (geometry, amsmath, amssymb, longtable, array).
std::string render_latex(const Document& document);

}  // namespace handgrad::document
