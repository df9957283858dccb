// An archive of stored files: each behind its local header, then the directory that lists them.
#include <algorithm>
#include <cstdint>

#include "handgrad/data/zip.hpp"

namespace handgrad {
namespace {

constexpr std::size_t version = 20, version64 = 45;
constexpr std::size_t first_day = 1U << 5U | 1U;  ///< 1 January 1980: the same bytes at any time
constexpr std::size_t names_in_utf8 = 1U << 11U;
constexpr std::size_t in_zip64 = 0xFFFFFFFF;

class Bytes {
public:
    explicit Bytes(std::size_t capacity) { bytes_.reserve(capacity); }
    Bytes& number(std::size_t value, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            bytes_ += static_cast<char>(value >> (8 * i) & 0xFFU);
        }
        return *this;
    }
    Bytes& text(std::string_view text) {
        bytes_ += text;
        return *this;
    }
    [[nodiscard]] std::size_t size() const { return bytes_.size(); }
    std::string take() { return std::move(bytes_); }

private:
    std::string bytes_;
};

/// Where a file came to lie.
struct Placed {
    std::size_t crc;
    std::size_t offset;
    bool wide;  ///< its size or its place stands in the extra field for large archives
};

/// What the headers in both places have in common, from the version that is needed to unpack up to the name's length.
void write_facts(Bytes& out, const ZipFile& file, const Placed& placed) {
    std::size_t size = file.content.size(), needs = version;
    if (placed.wide) {
        size = in_zip64;
        needs = version64;
    }
    out.number(needs, 2).number(names_in_utf8, 2).number(0, 2).number(0, 2).number(first_day, 2);
    out.number(placed.crc, 4).number(size, 4).number(size, 4).number(file.name.size(), 2);
}

void write_local(Bytes& out, const ZipFile& file, const Placed& placed) {
    const std::size_t size = file.content.size();
    out.text("PK\x03\x04");
    write_facts(out, file, placed);
    if (placed.wide) {
        out.number(20, 2).text(file.name).number(1, 2).number(16, 2).number(size, 8).number(size, 8);
    } else {
        out.number(0, 2).text(file.name);
    }
    out.text(file.content);
}

void write_entry(Bytes& out, const ZipFile& file, const Placed& placed) {
    const std::size_t size = file.content.size();
    out.text("PK\x01\x02").number(version64, 2);
    write_facts(out, file, placed);
    if (placed.wide) {
        out.number(28, 2).number(0, 2).number(0, 2).number(0, 2).number(0, 4).number(in_zip64, 4).text(file.name);
        out.number(1, 2).number(24, 2).number(size, 8).number(size, 8).number(placed.offset, 8);
    } else {
        out.number(0, 2).number(0, 2).number(0, 2).number(0, 2).number(0, 4).number(placed.offset, 4).text(file.name);
    }
}

void write_end(Bytes& out, std::size_t entries, std::size_t start, std::size_t wide_from) {
    const std::size_t end = out.size(), size = end - start;
    const bool wide = start >= wide_from || size >= wide_from || entries >= 0xFFFF;
    if (wide) {
        out.text("PK\x06\x06").number(44, 8).number(version64, 2).number(version64, 2).number(0, 4).number(0, 4);
        out.number(entries, 8).number(entries, 8).number(size, 8).number(start, 8);
        out.text("PK\x06\x07").number(0, 4).number(end, 8).number(1, 4);
        entries = std::min<std::size_t>(entries, 0xFFFF);
        start = in_zip64;
    }
    out.text("PK\x05\x06").number(0, 2).number(0, 2).number(entries, 2).number(entries, 2);
    out.number(std::min(size, in_zip64), 4).number(start, 4).number(0, 2);
}

}  // namespace

std::string zip_bytes(const std::vector<ZipFile>& files, std::size_t wide_from) {
    constexpr std::size_t around_a_file = 256;  // headers and names, roughly
    std::size_t total = 0;
    for (const ZipFile& file : files) {
        total += file.content.size() + around_a_file;
    }
    Bytes out(total);
    std::vector<Placed> placed;
    for (const ZipFile& file : files) {
        const bool wide = file.content.size() >= wide_from || out.size() >= wide_from;
        placed.push_back({crc32_of(file.content), out.size(), wide});
        write_local(out, file, placed.back());
    }
    const std::size_t start = out.size();
    for (std::size_t i = 0; i < files.size(); ++i) {
        write_entry(out, files[i], placed[i]);
    }
    write_end(out, files.size(), start, wide_from);
    return out.take();
}

}  // namespace handgrad
