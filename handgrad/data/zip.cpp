// The directory at the end of the archive, then the header of each entry, then zlib. Nothing is believed twice.
#include "handgrad/data/zip.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <new>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/inflater.hpp"

namespace handgrad {
namespace {

constexpr std::string_view end_mark{"PK\x05\x06", 4};
constexpr std::string_view end64_mark{"PK\x06\x06", 4};
constexpr std::string_view locator64_mark{"PK\x06\x07", 4};
constexpr std::string_view entry_mark{"PK\x01\x02", 4};
constexpr std::string_view local_mark{"PK\x03\x04", 4};
constexpr std::size_t end_bytes = 22, locator64_bytes = 20, end64_bytes = 56, entry_bytes = 46, local_bytes = 30;
constexpr std::size_t longest_comment = 0xFFFF;
constexpr std::size_t in_zip64 = 0xFFFFFFFF;  ///< the number stands in the extra field

/// Little-endian numbers at places that are checked.
class Bytes {
public:
    Bytes(std::string_view bytes, const std::string& source) : bytes_(bytes), source_(source) {}

    [[noreturn]] void fail(std::size_t at, const std::string& cause) const {
        throw Error(ErrorKind::data,
                    source_ + ": byte " + std::to_string(at) + ": " + cause + "; write the archive again");
    }
    std::string_view range(std::size_t at, std::size_t count) const {
        if (at > bytes_.size() || count > bytes_.size() - at) {
            fail(std::min(at, bytes_.size()), "the ZIP archive is cut off or damaged");
        }
        return bytes_.substr(at, count);
    }
    [[nodiscard]] std::size_t number(std::size_t at, std::size_t count) const {
        std::size_t value = 0;
        const std::string_view digits = range(at, count);
        for (std::size_t i = count; i-- > 0;) {
            value = value << 8U | static_cast<std::uint8_t>(digits[i]);
        }
        return value;
    }
    void expect(std::size_t at, std::string_view mark) const {
        if (range(at, mark.size()) != mark) {
            fail(at, "a damaged ZIP archive");
        }
    }
    [[nodiscard]] std::string_view all() const { return bytes_; }

private:
    std::string_view bytes_;
    const std::string& source_;
};

struct Directory {
    std::size_t start;
    std::size_t end;
    std::size_t entries;
};

Directory find_directory(const Bytes& bytes) {
    const std::string_view all = bytes.all();
    const std::size_t tail = all.size() - std::min(all.size(), end_bytes + longest_comment);
    std::size_t end = all.rfind(end_mark);
    // Of several marks the one whose comment ends the file.
    while (end != std::string_view::npos && end >= tail &&
           (all.size() - end < end_bytes || end + end_bytes + bytes.number(end + 20, 2) != all.size())) {
        end = end == 0 ? std::string_view::npos : all.rfind(end_mark, end - 1);
    }
    if (end == std::string_view::npos || end < tail) {
        bytes.fail(all.size(), "the directory that ends a ZIP archive is not there");
    }
    Directory directory{bytes.number(end + 16, 4), end, bytes.number(end + 10, 2)};
    std::size_t size = bytes.number(end + 12, 4);
    if (bytes.number(end + 4, 2) != 0 || bytes.number(end + 6, 2) != 0 ||
        bytes.number(end + 8, 2) != directory.entries) {
        bytes.fail(end, "a ZIP archive in several parts");
    }
    if (directory.start == in_zip64 || size == in_zip64 || directory.entries == 0xFFFF) {
        if (end < locator64_bytes) {
            bytes.fail(end, "a damaged ZIP archive");
        }
        bytes.expect(end - locator64_bytes, locator64_mark);
        const std::size_t end64 = bytes.number(end - locator64_bytes + 8, 8);
        bytes.range(end64, end64_bytes);
        bytes.expect(end64, end64_mark);
        directory = {bytes.number(end64 + 48, 8), end64, bytes.number(end64 + 32, 8)};
        size = bytes.number(end64 + 40, 8);
    }
    if (directory.start > directory.end || size != directory.end - directory.start) {
        bytes.fail(directory.end, "the directory of the ZIP archive is not where it should be");
    }
    if (directory.entries > limits::npz_entries) {
        bytes.fail(directory.end, "an archive of " + std::to_string(directory.entries) + " files; at most " +
                                      std::to_string(limits::npz_entries) + " are read");
    }
    return directory;
}

/// Sizes and place of an entry; those that do not fit into four bytes stand in its extra field.
struct Extent {
    std::size_t size, packed, offset;
};

Extent extent_of(const Bytes& bytes, std::size_t at) {
    Extent extent{bytes.number(at + 24, 4), bytes.number(at + 20, 4), bytes.number(at + 42, 4)};
    std::size_t field = at + entry_bytes + bytes.number(at + 28, 2);
    const std::size_t end = field + bytes.number(at + 30, 2);
    while (end - field >= 4) {
        const std::size_t tag = bytes.number(field, 2), length = bytes.number(field + 2, 2);
        std::size_t number = field + 4;
        if (length > end - number) {
            bytes.fail(field, "a damaged ZIP archive");
        }
        field = number + length;
        if (tag != 1) {
            continue;
        }
        for (std::size_t* value : {&extent.size, &extent.packed, &extent.offset}) {
            if (*value == in_zip64) {
                if (field - number < 8) {
                    bytes.fail(number, "a damaged ZIP archive");
                }
                *value = bytes.number(number, 8);
                number += 8;
            }
        }
    }
    return extent;
}

/// zlib counts in unsigned int.
uInt chunk(std::size_t count) {
    return static_cast<uInt>(std::min<std::size_t>(count, std::numeric_limits<uInt>::max() / 2));
}

/// Exactly `size` bytes, and not a byte of `packed` left over.
bool inflate_exactly(std::string_view packed, std::string& out) {
    constexpr int no_header = -MAX_WBITS;
    Inflater inflater(no_header);
    z_stream& stream = inflater.stream();
    std::size_t consumed = 0, produced = 0;
    char beyond = 0;  // room for one byte too many, which is then an error
    while (true) {
        const uInt in = chunk(packed.size() - consumed);
        char* to = &beyond;
        uInt room = 1;
        if (produced < out.size()) {
            to = out.data() + produced;
            room = chunk(out.size() - produced);
        }
        // zlib's interface predates const; it only reads next_in.
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data() + consumed));
        stream.avail_in = in;
        stream.next_out = reinterpret_cast<Bytef*>(to);
        stream.avail_out = room;
        const int status = inflate(&stream, Z_NO_FLUSH);
        consumed += in - stream.avail_in;
        produced += room - stream.avail_out;
        if (status == Z_MEM_ERROR) {
            throw std::bad_alloc();
        }
        if (status != Z_OK || produced > out.size()) {
            return status == Z_STREAM_END && produced == out.size() && consumed == packed.size();
        }
    }
}

}  // namespace

std::size_t crc32_of(std::string_view bytes) {
    uLong crc = crc32(0, nullptr, 0);
    while (!bytes.empty()) {
        const uInt count = chunk(bytes.size());
        crc = crc32(crc, reinterpret_cast<const Bytef*>(bytes.data()), count);
        bytes.remove_prefix(count);
    }
    return crc;
}

std::vector<ZipEntry> zip_entries(std::string_view archive, const std::string& source) {
    const Bytes bytes(archive, source);
    const Directory directory = find_directory(bytes);
    std::vector<ZipEntry> entries;
    std::vector<std::pair<std::size_t, std::size_t>> extents;  // from the local header to the end of the data
    std::size_t at = directory.start, unpacked = 0;
    for (std::size_t i = 0; i < directory.entries; ++i) {
        bytes.range(at, entry_bytes);
        bytes.expect(at, entry_mark);
        const std::size_t name_bytes = bytes.number(at + 28, 2);
        const std::size_t after = at + entry_bytes + name_bytes + bytes.number(at + 30, 2) + bytes.number(at + 32, 2);
        bytes.range(at, after - at);
        if (name_bytes > limits::name_bytes || after > directory.end) {
            bytes.fail(at, "a damaged ZIP archive");
        }
        const std::string name(bytes.range(at + entry_bytes, name_bytes));
        const std::size_t flags = bytes.number(at + 8, 2), method = bytes.number(at + 10, 2);
        if ((flags & 1U) != 0) {
            bytes.fail(at, in_quotes(name) + " is encrypted");
        }
        if (method != 0 && method != Z_DEFLATED) {
            bytes.fail(at, in_quotes(name) + " is packed by method " + std::to_string(method) +
                               " (known: 0 stored, 8 deflated)");
        }
        const Extent extent = extent_of(bytes, at);
        bytes.range(extent.offset, local_bytes);
        bytes.expect(extent.offset, local_mark);
        if (bytes.range(extent.offset + local_bytes, bytes.number(extent.offset + 26, 2)) != name ||
            bytes.number(extent.offset + 8, 2) != method) {
            bytes.fail(extent.offset, in_quotes(name) + " has another name or method here than in the directory");
        }
        const std::size_t data = extent.offset + local_bytes + name_bytes + bytes.number(extent.offset + 28, 2);
        const std::string_view packed = bytes.range(data, extent.packed);
        if (data + extent.packed > directory.start) {
            bytes.fail(extent.offset, in_quotes(name) + " runs into the directory");
        }
        const bool deflated = method == Z_DEFLATED;
        const bool credible =
            deflated ? extent.size / limits::npz_inflate_ratio <= extent.packed : extent.size == extent.packed;
        if (!credible) {
            bytes.fail(at, in_quotes(name) + " declares " + std::to_string(extent.size) + " bytes, packed in " +
                               std::to_string(extent.packed));
        }
        unpacked += deflated ? extent.size : 0;  // of what is stored the bytes are there
        if (unpacked > limits::unpacked(archive.size())) {
            bytes.fail(at, "up to " + in_quotes(name) + " the archive unpacks to " + std::to_string(unpacked) +
                               " bytes, which is much for its size; if you know where it is from, do not pack it "
                               "(np.savez)");
        }
        extents.emplace_back(extent.offset, data + extent.packed);
        entries.push_back({name, packed, deflated, extent.size, bytes.number(at + 16, 4)});
        at = after;
    }
    if (at != directory.end) {
        bytes.fail(at, "the directory of the ZIP archive has another length than it says");
    }
    std::ranges::sort(extents);
    for (std::size_t i = 1; i < extents.size(); ++i) {
        if (extents[i].first < extents[i - 1].second) {
            bytes.fail(extents[i].first, "two entries of the ZIP archive overlap");
        }
    }
    return entries;
}

std::string unzip(const ZipEntry& entry, const std::string& source) {
    const auto fail = [&](const std::string& cause) {
        throw Error(ErrorKind::data,
                    source + ": " + in_quotes(entry.name) + ": " + cause + "; write the archive again");
    };
    std::string out;
    if (entry.deflated) {
        out.resize(entry.size);
        if (!inflate_exactly(entry.packed, out)) {
            fail("the packed data is damaged or does not unpack to the " + std::to_string(entry.size) +
                 " bytes that it declares");
        }
    } else {
        out = entry.packed;
    }
    if (crc32_of(out) != entry.crc) {
        fail("the checksum is wrong");
    }
    return out;
}

}  // namespace handgrad
