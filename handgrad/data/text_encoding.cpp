// Text in other encodings than UTF-8: UTF-16 is converted where its byte order mark says so, others are named.
#include <algorithm>
#include <cstdint>
#include <filesystem>

#include "handgrad/base/error.hpp"
#include "handgrad/data/table_form.hpp"

namespace handgrad {
namespace {

void append_utf8(std::string& out, std::uint32_t c) {
    const auto byte = [&](std::uint32_t value) { out += static_cast<char>(value); };
    if (c < 0x80) {
        byte(c);
    } else if (c < 0x800) {
        byte(0xC0 | c >> 6U);
        byte(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        byte(0xE0 | c >> 12U);
        byte(0x80 | (c >> 6U & 0x3F));
        byte(0x80 | (c & 0x3F));
    } else {
        byte(0xF0 | c >> 18U);
        byte(0x80 | (c >> 12U & 0x3F));
        byte(0x80 | (c >> 6U & 0x3F));
        byte(0x80 | (c & 0x3F));
    }
}

/// UTF-16 behind its byte order mark. Raises Error(data) where surrogates have no partner or a byte is left over.
std::string from_utf16(std::string_view bytes, bool big_endian, const std::string& source) {
    const auto fail = [&](std::size_t at) {
        throw Error(ErrorKind::data, source + ": byte " + std::to_string(at) + ": not UTF-16, though its byte order " +
                                         "mark says so; save it as UTF-8");
    };
    const auto unit = [&](std::size_t at) {
        const auto first = static_cast<std::uint8_t>(bytes[at]), second = static_cast<std::uint8_t>(bytes[at + 1]);
        return static_cast<std::uint32_t>(big_endian ? first << 8U | second : second << 8U | first);
    };
    if (bytes.size() % 2 != 0) {
        fail(bytes.size() - 1);
    }
    std::string text;
    text.reserve(bytes.size());
    for (std::size_t at = 2; at < bytes.size(); at += 2) {
        std::uint32_t c = unit(at);
        if (c >= 0xD800 && c < 0xE000) {
            const std::uint32_t low = at + 2 < bytes.size() ? unit(at + 2) : 0;
            if (c >= 0xDC00 || low < 0xDC00 || low >= 0xE000) {
                fail(at);
            }
            c = 0x10000 + ((c - 0xD800) << 10U) + (low - 0xDC00);
            at += 2;
        }
        append_utf8(text, c);
    }
    return text;
}

}  // namespace

std::string_view old_encoding(std::string_view text) {
    const bool beyond_latin1 = std::ranges::any_of(text, [](char c) {
        const auto byte = static_cast<std::uint8_t>(c);
        return byte >= 0x80 && byte < 0xA0;
    });
    if (beyond_latin1) {
        return "cp1252";
    }
    return "latin1";
}

std::string conversion_of(std::string_view encoding, const std::string& source) {
    const std::filesystem::path path(source);
    const std::string to = (path.parent_path() / path.stem()).string() + ".utf-8" + path.extension().string();
    return "iconv -f " + std::string(encoding) + " -t utf-8 " + source + " > " + to;
}

std::string_view utf8_text(std::string_view bytes, const std::string& source, std::string& converted,
                           std::vector<std::string>& remarks) {
    const bool little = bytes.starts_with("\xFF\xFE");
    if (little || bytes.starts_with("\xFE\xFF")) {
        converted = from_utf16(bytes, !little, source);
        remarks.emplace_back("UTF-16");
        return converted;
    }
    if (bytes.starts_with("\xEF\xBB\xBF")) {
        bytes.remove_prefix(3);
    }
    constexpr std::string_view nul("\0", 1);
    const std::string_view start = bytes.substr(0, 4);
    if (start.size() == 4 && start.find(nul) != std::string_view::npos) {
        const bool first = start[0] == '\0' && start[1] != '\0' && start[2] == '\0' && start[3] != '\0';
        const bool second = start[0] != '\0' && start[1] == '\0' && start[2] != '\0' && start[3] == '\0';
        if (first || second) {
            throw Error(ErrorKind::data, source + ": UTF-16 text without a byte order mark; convert it: " +
                                             conversion_of(first ? "utf-16be" : "utf-16le", source));
        }
    }
    return bytes;
}

}  // namespace handgrad
