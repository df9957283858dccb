// A formula as MathML Core, which browsers set without a script.
#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "handgrad/base/wording.hpp"
#include "handgrad/document/formula_tree.hpp"
#include "handgrad/document/html.hpp"
#include "handgrad/document/notation.hpp"

namespace handgrad::document {
namespace {

std::string tag(std::string_view name, std::string_view content) {
    return "<" + std::string(name) + ">" + std::string(content) + "</" + std::string(name) + ">";
}

std::string row(std::span<const Element> elements);

/// Whether something tall stands in it, so that brackets around it must grow.
bool is_tall(std::span<const Element> elements) {
    return std::ranges::any_of(elements, [](const Element& element) {
        return element.shape == Shape::fraction || element.shape == Shape::cases || element.role == Role::sum ||
               std::ranges::any_of(element.parts, [](const Elements& part) { return is_tall(part); });
    });
}

std::string bracket(const Element& element, bool grows) {
    const std::string form = element.role == Role::open ? "prefix" : "postfix";
    return "<mo fence=\"true\" form=\"" + form + "\"" + when(!grows, " stretchy=\"false\"") + ">" +
           escape_html(element.text) + "</mo>";
}

/// Blanks at its ends count in a formula.
std::string kept_blanks(std::string text) {
    for (std::size_t at = text.find(' '); at != std::string::npos; at = text.find(' ', at)) {
        text.replace(at, 1, "\u00A0");
    }
    return text;
}

std::string symbol(const Element& element) {
    const std::string text = escape_html(element.text);
    switch (element.role) {
        case Role::atom:
            if (element.number) {
                return tag("mn", text);
            }
            return tag(text == "____" ? "mtext" : "mi", text);
        case Role::function:
            return tag("mi", text);
        case Role::sum:
            return tag("mo", "∑");
        case Role::open:
        case Role::close:  // one that has no partner: [0,∞)
            return bracket(element, false);
        case Role::sign:
        case Role::relation:
        case Role::comma:
            return tag("mo", text);
        case Role::space:
            return text.size() > 1 ? "<mspace width=\"1em\"/>" : "<mspace width=\"0.17em\"/>";
        case Role::text:
            if (element.text == "×" || element.text == "/") {
                return tag("mo", text);
            }
            return tag("mtext", kept_blanks(text));
    }
    __builtin_unreachable();
}

std::string cases(const std::vector<Elements>& parts) {
    std::string rows;
    for (std::size_t i = 0; i < parts.size(); i += 2) {
        rows += tag("mtr", tag("mtd", row(parts[i])) + tag("mtd", row(parts[i + 1])));
    }
    return tag("mrow", "<mo fence=\"true\" form=\"prefix\">{</mo><mtable class=\"cases\">" + rows + "</mtable>");
}

std::string bare(const Element& element) {
    switch (element.shape) {
        case Shape::symbol:
            return symbol(element);
        case Shape::group:
            return row(element.parts[0]);
        case Shape::fraction:
            return tag("mfrac", row(element.parts[0]) + row(element.parts[1]));
        case Shape::root:
            return tag("msqrt", row(element.parts[0]));
        case Shape::cases:
            return cases(element.parts);
    }
    __builtin_unreachable();
}

/// `base`, the form of an element, with the element's lowered and raised scripts; primes are raised too.
std::string with_scripts(const std::string& base, const Element& element) {
    std::string below, above;
    for (const Script& script : element.scripts) {
        switch (script.which) {
            case '_':
                below += row(script.content);
                break;
            case '\'':
                above += tag("mo", "′");
                break;
            default:
                above += row(script.content);
        }
    }
    const bool sum = element.role == Role::sum;
    const std::string low = tag("mrow", below), high = tag("mrow", above);
    if (below.empty() && above.empty()) {
        return base;
    }
    if (below.empty()) {
        return tag("msup", base + high);
    }
    if (above.empty()) {
        return tag(sum ? "munder" : "msub", base + low);
    }
    return tag(sum ? "munderover" : "msubsup", base + low + high);
}

/// Where the bracket that opens at `first` closes again, or npos.
std::size_t closing(std::span<const Element> elements, std::size_t first) {
    std::size_t depth = 0;
    for (std::size_t i = first; i < elements.size(); ++i) {
        if (elements[i].role == Role::open) {
            ++depth;
        }
        if (elements[i].role == Role::close && --depth == 0) {
            return i;
        }
    }
    return std::string::npos;
}

/// What stands in brackets is one thing, so that they grow alike and a script belongs to all of it.
std::string row(std::span<const Element> elements) {
    std::string inside;
    for (std::size_t i = 0; i < elements.size(); ++i) {
        std::size_t end = std::string::npos;
        if (elements[i].role == Role::open) {
            end = closing(elements, i);
        }
        if (end == std::string::npos) {
            inside += with_scripts(bare(elements[i]), elements[i]);
            continue;
        }
        const std::span<const Element> content = elements.subspan(i + 1, end - i - 1);
        const bool grows = is_tall(content);
        inside += with_scripts(tag("mrow", bracket(elements[i], grows) + row(content) + bracket(elements[end], grows)),
                               elements[end]);
        i = end;
    }
    return tag("mrow", inside);
}

}  // namespace

std::string mathml_of(std::string_view formula, bool display) {
    return "<math" + when(display, " display=\"block\"") + ">" + row(parse_formula(formula)) + "</math>";
}

}  // namespace handgrad::document
