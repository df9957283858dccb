// zlib's state for inflating, ended whatever happens.
#pragma once

#include <zlib.h>

#include <new>

namespace handgrad {

class Inflater {
public:
    /// `window_bits` as inflateInit2() takes them: they say what kind of header the data has. Raises std::bad_alloc.
    explicit Inflater(int window_bits) {
        if (inflateInit2(&stream_, window_bits) != Z_OK) {
            throw std::bad_alloc();
        }
    }
    ~Inflater() { inflateEnd(&stream_); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    z_stream& stream() { return stream_; }

private:
    z_stream stream_{};
};

}  // namespace handgrad
