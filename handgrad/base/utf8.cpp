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

}  // namespace

std::string replace_invalid_utf8(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
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
        const bool whole = byte(at) < 0x80 || (next.count > 0 && length == next.count + 1);
        result += whole ? text.substr(at, length) : "\xEF\xBF\xBD";
        at += length;
    }
    return result;
}

}  // namespace handgrad
