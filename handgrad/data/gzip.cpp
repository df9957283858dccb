// Inflating gzip data.
#include <algorithm>
#include <limits>
#include <optional>

#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/data/inflater.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad {

std::string gunzip(std::string_view bytes, const std::string& source, std::optional<std::size_t> most) {
    const std::size_t limit = most.value_or(limits::unpacked(bytes.size()));
    constexpr std::size_t step = std::size_t{1} << 18;
    constexpr int gzip_only = 16;
    Inflater inflater(gzip_only + MAX_WBITS);
    z_stream& stream = inflater.stream();
    std::string out;
    std::size_t consumed = 0;
    std::size_t produced = 0;
    const auto fail = [&](const std::string& cause) -> void {
        throw Error(ErrorKind::data, source + ": byte " + std::to_string(consumed) + ": " + cause);
    };
    while (true) {
        if (produced == out.size()) {  // half as much again, so that the whole takes linear time
            out.resize(produced + std::max(step, produced / 2));
        }
        const auto chunk = [](std::size_t count) {
            return static_cast<uInt>(std::min<std::size_t>(count, std::numeric_limits<uInt>::max()));
        };
        const uInt in = chunk(bytes.size() - consumed);
        const uInt room = chunk(out.size() - produced);
        // zlib's interface predates const; it only reads next_in.
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + consumed));
        stream.avail_in = in;
        stream.next_out = reinterpret_cast<Bytef*>(out.data() + produced);
        stream.avail_out = room;
        const int status = inflate(&stream, Z_NO_FLUSH);
        consumed += in - stream.avail_in;
        produced += room - stream.avail_out;
        if (produced > limit) {
            fail("the gzip data unpacks to more than " + std::to_string(limit) +
                 " bytes, which is much for its size; unpack it yourself (gunzip), if you know where it is from");
        }
        if (status == Z_STREAM_END) {
            // Another member may follow; zeros may pad the end, as gzip itself allows.
            if (bytes.find_first_not_of('\0', consumed) == std::string_view::npos) {
                break;
            }
            inflateReset(&stream);
        } else if (status == Z_BUF_ERROR) {  // nothing was left to read, for there was room
            fail("the gzip data is cut off; fetch the file again");
        } else if (status == Z_MEM_ERROR) {
            throw std::bad_alloc();
        } else if (status != Z_OK) {
            fail(std::string("damaged gzip data (") + (stream.msg != nullptr ? stream.msg : "no details") +
                 "); fetch the file again");
        }
    }
    out.resize(produced);
    return out;
}

}  // namespace handgrad
