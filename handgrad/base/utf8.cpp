// What is a character in UTF-8, after table 3-7 of the Unicode standard.
#include "handgrad/base/utf8.hpp"

namespace handgrad {
namespace {

/// The bytes that may follow a first one; none for a byte that begins no character.
struct Following {
    std::size_t count;
    unsigned char lowest, highest;  ///< of the second byte; all others lie in 80 … BF
};

Following following(unsigned char first) {
    if (first >= 0xC2 && first <= 0xDF) {
        return {1, 0x80, 0xBF};
    }
    if (first >= 0xE0 && first <= 0xEF) {
        const unsigned char lowest = first == 0xE0 ? 0xA0 : 0x80;   // nothing that two bytes could say
        const unsigned char highest = first == 0xED ? 0x9F : 0xBF;  // no surrogates
        return {2, lowest, highest};
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const unsigned char lowest = first == 0xF0 ? 0x90 : 0x80;
        const unsigned char highest = first == 0xF4 ? 0x8F : 0xBF;  // up to U+10FFFF
        return {3, lowest, highest};
    }
    return {0, 0, 0};
}

/// The longest run of bytes at `at` that is a character or begins one.
struct Run {
    std::size_t length;
    bool whole;  ///< a character
};

Run run_at(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const Following next = following(byte(at));
    std::size_t length = 1;
    unsigned char lowest = next.lowest, highest = next.highest;
    while (length <= next.count && at + length < text.size() && byte(at + length) >= lowest &&
           byte(at + length) <= highest) {
        ++length;
        lowest = 0x80;
        highest = 0xBF;
    }
    return {length, byte(at) < 0x80 || (next.count > 0 && length == next.count + 1)};
}

std::string in_hexadecimal(unsigned value, int digits) {
    std::string text;
    for (int digit = digits - 1; digit >= 0; --digit) {
        text += "0123456789abcdef"[value >> static_cast<unsigned>(4 * digit) & 15U];
    }
    return text;
}

/// Of a whole character of two or three bytes.
unsigned code_point(std::string_view character) {
    unsigned value = static_cast<unsigned char>(character[0]) & (character.size() == 2 ? 0x1FU : 0x0FU);
    for (const char c : character.substr(1)) {
        value = value << 6U | (static_cast<unsigned char>(c) & 0x3FU);
    }
    return value;
}

std::string escaped_byte(char c) {
    switch (c) {
        case '\n':
            return "\\n";
        case '\r':
            return "\\r";
        case '\t':
            return "\\t";
        default:
            return "\\x" + in_hexadecimal(static_cast<unsigned char>(c), 2);
    }
}

bool turns_direction(unsigned point) {
    return (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

/// Whether a terminal obeys it, or writes what follows it elsewhere: C1, separators of lines, changes of direction.
bool commands(unsigned point) {
    return (point >= 0x80 && point <= 0x9F) || point == 0x2028 || point == 0x2029 || turns_direction(point);
}

/// The nearest place from `at` on where a character begins.
std::size_t character_begin(std::string_view text, std::size_t at) {
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) {
        ++at;
    }
    return at;
}

std::string printable_character(std::string_view character) {
    if (character.size() == 1) {
        const auto byte = static_cast<unsigned char>(character[0]);
        return byte < 0x20 || byte == 0x7F ? escaped_byte(character[0]) : std::string(character);
    }
    if (character.size() < 4 && commands(code_point(character))) {
        return "\\u" + in_hexadecimal(code_point(character), 4);
    }
    return std::string(character);
}

}  // namespace

std::string replace_invalid_utf8(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const Run run = run_at(text, at);
        result += run.whole ? text.substr(at, run.length) : "\xEF\xBF\xBD";
        at += run.length;
    }
    return result;
}

std::string without_direction_marks(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const Run run = run_at(text, at);
        const std::string_view bytes = text.substr(at, run.length);
        if (run.whole && run.length == 3 && turns_direction(code_point(bytes))) {
            result += printable_character(bytes);
        } else {
            result += bytes;
        }
        at += run.length;
    }
    return result;
}

std::string shortened(std::string_view text, std::size_t most) {
    if (text.size() <= most) {
        return std::string(text);
    }
    const std::size_t end = character_begin(text, most / 2);
    const std::size_t begin = character_begin(text, text.size() - most / 2);
    return std::string(text.substr(0, end)) + " … " + std::to_string(begin - end) + " bytes … " +
           std::string(text.substr(begin));
}

std::string printable(std::string_view text, Layout layout) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const Run run = run_at(text, at);
        const std::string_view bytes = text.substr(at, run.length);
        if (layout == Layout::kept && (bytes == "\n" || bytes == "\t")) {
            result += bytes;
        } else if (run.whole) {
            result += printable_character(bytes);
        } else {
            for (const char byte : bytes) {
                result += escaped_byte(byte);
            }
        }
        at += run.length;
    }
    return result;
}

}  // namespace handgrad
