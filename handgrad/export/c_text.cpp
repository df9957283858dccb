// Texts of C are put together here, byte by byte where others wrote them.
#include "handgrad/export/c_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "handgrad/export/c99.hpp"

namespace handgrad::exports {
namespace {

constexpr std::size_t widest_line = 120;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Words that no name may be, in C or in C++.
bool is_keyword(const std::string& name) {
    static const std::set<std::string> keywords{
        "auto",     "break",    "case",     "char",     "const", "continue", "default",   "do",     "double",
        "else",     "enum",     "extern",   "float",    "for",   "goto",     "if",        "inline", "int",
        "long",     "register", "restrict", "return",   "short", "signed",   "sizeof",    "static", "struct",
        "switch",   "typedef",  "union",    "unsigned", "void",  "volatile", "while",     "class",  "delete",
        "new",      "operator", "private",  "public",   "this",  "template", "virtual",   "bool",   "true",
        "false",    "catch",    "throw",    "try",      "using", "typename", "namespace", "friend", "main",
        "explicit", "export",   "mutable",  "protected"};
    return keywords.contains(name);
}

}  // namespace

std::string filled(std::string text, const Words& words) {
    for (const auto& [word, by] : words) {
        for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size())) {
            text.replace(at, word.size(), by);
        }
    }
    return text;
}

std::string braced(const std::vector<std::string>& texts) {
    std::string result = "{";
    std::size_t line = 1;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::string text = texts[i] + (i + 1 < texts.size() ? "," : "");
        if (line + text.size() > widest_line) {
            result += '\n';
            line = 0;
        }
        result += text;
        line += text.size();
    }
    return result + "}";
}

template <class T>
std::string table_text(const FunctionSet& numbers, std::span<const T> values) {
    std::vector<std::string> texts;
    texts.reserve(values.size());
    for (const T value : values) {
        texts.push_back(numbers.literal(static_cast<double>(value)));
    }
    return braced(texts);
}
template std::string table_text(const FunctionSet&, std::span<const float>);
template std::string table_text(const FunctionSet&, std::span<const double>);

std::string c_string(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\' || c == '?') {  // ? might begin a trigraph
            result += '\\';
            result += c;
        } else if (byte < 0x20 || byte >= 0x7F) {
            std::array<char, 8> octal{};
            std::snprintf(octal.data(), octal.size(), "\\%03o", byte);
            result += octal.data();
        } else {
            result += c;
        }
    }
    return result + "\"";
}

std::string c_comment(const std::string& text) {
    std::string result;
    for (const char c : text) {
        const bool ends = (c == '/' && result.ends_with('*')) || (c == '*' && result.ends_with('/'));
        result += ends ? ' ' : c;
    }
    std::ranges::replace_if(
        result, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\\' || c == '?'; }, ' ');
    return result;
}

std::string c_identifier(const std::string& text) {
    std::string name;
    for (const char c : text) {
        const bool fits = is_letter(c) || is_digit(c);
        if (fits || !name.ends_with('_')) {
            name += fits ? c : '_';
        }
    }
    if (name.empty() || name.front() == '_' || is_digit(name.front())) {
        name.insert(0, "m");
    }
    return is_keyword(name) ? name + "_" : name;
}

std::string upper_case(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return text;
}

std::string CNames::add(const std::string& prefix, const std::string& text) {
    std::string name = prefix;
    for (const char c : text) {
        const bool fits = is_letter(c) || is_digit(c);
        if (fits || !name.ends_with('_')) {
            name += fits ? c : '_';
        }
    }
    const std::string first = name;
    for (std::size_t i = 2; !taken_.insert(name).second; ++i) {
        name = first + "_" + std::to_string(i);
    }
    return name;
}

}  // namespace handgrad::exports
