// Replaces one sign, word or command after the other, from the left.
#include "handgrad/compare/plain_text.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace handgrad::compare {
namespace {

struct Replacement {
    std::string_view from, to;
};
/// The first that fits is taken, so longer ones stand before shorter ones. Braces vanish last: they group only.
constexpr std::array replacements{Replacement{"\u2212", "-"},
                                  Replacement{"\u2010", "-"},
                                  Replacement{"\u2011", "-"},
                                  Replacement{"\u2012", "-"},
                                  Replacement{"\u2013", "-"},
                                  Replacement{"\u2014", "-"},
                                  Replacement{"\uFE63", "-"},
                                  Replacement{"\u02D7", "-"},
                                  Replacement{"\u00D7", "*"},
                                  Replacement{"\u00B7", "*"},
                                  Replacement{"\u22C5", "*"},
                                  Replacement{"\u2219", "*"},
                                  Replacement{"\u2022", "*"},
                                  Replacement{"\u2715", "*"},
                                  Replacement{"\u2044", "/"},
                                  Replacement{"\u2215", "/"},
                                  Replacement{"\u00BD",
                                              "\x1F"
                                              "1/2"},
                                  Replacement{"\u00BC",
                                              "\x1F"
                                              "1/4"},
                                  Replacement{"\u00BE",
                                              "\x1F"
                                              "3/4"},
                                  Replacement{"\u2153",
                                              "\x1F"
                                              "1/3"},
                                  Replacement{"\u2154",
                                              "\x1F"
                                              "2/3"},
                                  Replacement{"\u2155",
                                              "\x1F"
                                              "1/5"},
                                  Replacement{"\u2156",
                                              "\x1F"
                                              "2/5"},
                                  Replacement{"\u2157",
                                              "\x1F"
                                              "3/5"},
                                  Replacement{"\u2158",
                                              "\x1F"
                                              "4/5"},
                                  Replacement{"\u2159",
                                              "\x1F"
                                              "1/6"},
                                  Replacement{"\u215A",
                                              "\x1F"
                                              "5/6"},
                                  Replacement{"\u215B",
                                              "\x1F"
                                              "1/8"},
                                  Replacement{"\u215C",
                                              "\x1F"
                                              "3/8"},
                                  Replacement{"\u215D",
                                              "\x1F"
                                              "5/8"},
                                  Replacement{"\u215E",
                                              "\x1F"
                                              "7/8"},
                                  Replacement{"\u066B", "\x1D"},
                                  Replacement{"\u066C", "\x1E"},
                                  Replacement{"\u2026", "..."},
                                  Replacement{"\\ldots", "..."},
                                  Replacement{"\\dots", "..."},
                                  Replacement{"\u00A0", "\x1E"},
                                  Replacement{"\u202F", "\x1E"},
                                  Replacement{"\u2009", "\x1E"},
                                  Replacement{"\u2005", "\x1E"},
                                  Replacement{"\u2006", "\x1E"},
                                  Replacement{"\u2007", "\x1E"},
                                  Replacement{"\u2008", "\x1E"},
                                  Replacement{"\u200A", "\x1E"},
                                  Replacement{"\u205F", "\x1E"},
                                  Replacement{"'", "\x1E"},
                                  Replacement{"\u2019", "\x1E"},
                                  Replacement{"\\,", "\x1E"},
                                  Replacement{"~", "\x1E"},
                                  Replacement{"\u2002", " "},
                                  Replacement{"\u2003", " "},
                                  Replacement{"\u3000", " "},
                                  Replacement{"\t", " "},
                                  Replacement{"\u200B", ""},
                                  Replacement{"\u200E", ""},
                                  Replacement{"\u200F", ""},
                                  Replacement{"\u2060", ""},
                                  Replacement{"\uFEFF", ""},
                                  Replacement{"\u2248", ""},
                                  Replacement{"\\approx", ""},
                                  Replacement{"\\left", ""},
                                  Replacement{"\\right", ""},
                                  Replacement{"\\num", ""},
                                  Replacement{"\\mathbf", ""},
                                  Replacement{"\\mathrm", ""},
                                  Replacement{"\\boldsymbol", ""},
                                  Replacement{"\\textbf", ""},
                                  Replacement{"\\ensuremath", ""},
                                  Replacement{"\\cdot", "*"},
                                  Replacement{"\\times", "*"},
                                  Replacement{"\\quad", " "},
                                  Replacement{"\\qquad", " "},
                                  Replacement{"\\\\", ";"},
                                  Replacement{"\\ ", " "},
                                  Replacement{"\\;", " "},
                                  Replacement{"\\:", " "},
                                  Replacement{"\\!", ""},
                                  Replacement{"\\(", ""},
                                  Replacement{"\\)", ""},
                                  Replacement{"\\-", "-"},
                                  Replacement{"&", ";"},
                                  Replacement{"|", ";"},
                                  Replacement{"$", ""},
                                  Replacement{"{,}", "\x1D"},
                                  Replacement{"{", ""},
                                  Replacement{"}", ""},
                                  Replacement{"\"", ""},
                                  Replacement{"`", ""}};

/// In the order of their values; the minus and plus behind them.
constexpr std::array<std::string_view, 12> raised{"\u2070", "\u00B9", "\u00B2", "\u00B3", "\u2074", "\u2075",
                                                  "\u2076", "\u2077", "\u2078", "\u2079", "\u207B", "\u207A"};
constexpr std::string_view raised_as = "0123456789-+";

/// `{1}`, `1`: what one argument of a TeX command says, taken from the front.
std::optional<std::string_view> take_argument(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text.empty()) {
        return std::nullopt;
    }
    const std::size_t close = text.find('}');
    const bool braces = text.front() == '{';
    if (braces && close == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view argument = text.substr(0, 1);
    if (braces) {
        argument = text.substr(1, close - 1);
    }
    text.remove_prefix(1);
    if (braces) {
        text.remove_prefix(close);
    }
    return argument;
}

/// `\frac{3}{4}` as a fraction behind a whole number or none; how many bytes it takes, 0 if it is none.
std::size_t add_tex_fraction(std::string_view text, std::size_t at, PlainText& to) {
    for (const std::string_view command : {"\\frac", "\\tfrac", "\\dfrac", "\\sfrac", "\\nicefrac"}) {
        std::string_view rest = text.substr(at);
        if (!rest.starts_with(command)) {
            continue;
        }
        rest.remove_prefix(command.size());
        const std::optional<std::string_view> above = take_argument(rest);
        const std::optional<std::string_view> below = take_argument(rest);
        if (above && below) {
            to.add(std::string(1, and_fraction) + std::string(*above) + "/" + std::string(*below), at);
            return text.size() - at - rest.size();
        }
    }
    return 0;
}

/// `⁻³` as `^-3`.
std::size_t add_raised(std::string_view text, std::size_t at, PlainText& to) {
    std::size_t bytes = 0;
    std::string power;
    for (std::size_t k = 0; k < raised.size();) {
        if (text.substr(at + bytes).starts_with(raised[k])) {
            power += raised_as[k];
            bytes += raised[k].size();
            k = 0;
        } else {
            ++k;
        }
    }
    if (bytes > 0) {
        to.add("^" + power, at);
    }
    return bytes;
}

/// A digit of another script, a full-width letter or sign; how many bytes it takes, 0 if it is none.
std::size_t add_narrowed(std::string_view text, std::size_t at, PlainText& to) {
    const std::string narrow = narrowed(text.substr(at, 3));
    std::size_t bytes = 2;  // Arabic digits take two bytes, full-width forms three
    if (static_cast<unsigned char>(text[at]) == 0xEFU) {
        bytes = 3;
    }
    if (narrow.size() + bytes - 1 != std::min<std::size_t>(3, text.size() - at)) {
        return 0;
    }
    to.add(narrow.substr(0, 1), at);
    return bytes;
}

/// `**` is a power between a number and an exponent; elsewhere Markdown's bold, which is left out.
std::size_t add_stars(std::string_view text, std::size_t at, PlainText& to) {
    if (!text.substr(at).starts_with("**")) {
        return 0;
    }
    std::size_t end = at;
    while (end < text.size() && text[end] == '*') {
        ++end;
    }
    const bool behind_number = at > 0 && (is_digit(text[at - 1]) || text[at - 1] == ')');
    const bool before_number = end < text.size() && text[end] != ' ' && text[end] != ',' && text[end] != ';';
    if (end == at + 2 && behind_number && before_number) {
        to.add("^", at);
    }
    return end - at;
}

std::size_t add_replaced(std::string_view text, std::size_t at, PlainText& to) {
    if (is_digit(text[at])) {
        to.add(text.substr(at, 1), at);
        return 1;
    }
    if (const std::size_t stars = add_stars(text, at, to); stars > 0) {
        return stars;
    }
    for (const Replacement& replacement : replacements) {
        if (text.substr(at).starts_with(replacement.from)) {
            to.add(replacement.to, at);
            return replacement.from.size();
        }
    }
    to.add(text.substr(at, 1), at);
    return 1;
}

}  // namespace

PlainText plain_of(std::string_view text) {
    PlainText result;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t bytes = 0;
        if (text[at] == '\\') {
            bytes = add_tex_fraction(text, at, result);
        } else if ((static_cast<unsigned char>(text[at]) & 0x80U) != 0) {
            bytes = add_raised(text, at, result);
            if (bytes == 0) {
                bytes = add_narrowed(text, at, result);
            }
        }
        if (bytes == 0) {
            bytes = add_replaced(text, at, result);
        }
        at += bytes;
    }
    result.from.push_back(text.size());
    return result;
}

std::string narrowed(std::string_view text) {
    std::string narrow;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = [&](std::size_t k) -> unsigned {
            if (at + k < text.size()) {
                return static_cast<unsigned char>(text[at + k]);
            }
            return 0;
        };
        const bool arabic = byte(0) == 0xD9U && byte(1) >= 0xA0U && byte(1) <= 0xA9U;
        const bool persian = byte(0) == 0xDBU && byte(1) >= 0xB0U && byte(1) <= 0xB9U;
        const bool wide = byte(0) == 0xEFU && ((byte(1) == 0xBCU && byte(2) >= 0x81U && byte(2) <= 0xBFU) ||
                                               (byte(1) == 0xBDU && byte(2) >= 0x80U && byte(2) <= 0x9EU));
        if (arabic || persian) {
            narrow += static_cast<char>('0' + (byte(1) & 0x0FU));
            at += 1;
        } else if (wide) {
            narrow += static_cast<char>(0x21U + ((byte(1) - 0xBCU) << 6U) + (byte(2) - 0x81U));
            at += 2;
        } else {
            narrow += text[at];
        }
    }
    return narrow;
}

}  // namespace handgrad::compare
