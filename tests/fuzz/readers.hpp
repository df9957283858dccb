// Every reader of a stranger's bytes as one function of bytes, with what must hold of whatever it reads.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace handgrad::fuzz {

/// A reader under test. `read` raises handgrad::Error for what it refuses; of what it accepts it checks that numbers
/// fit together and that writing and reading again changes nothing, and raises Fault where they do not.
struct Reader {
    std::string_view name;
    void (*read)(std::string_view bytes);
    std::size_t most_memory;  ///< bytes that reading may take for each byte that is there; beside them most_beside
};

/// What a reader may take whatever the input: its buffers, messages, tables of its own.
inline constexpr std::size_t most_beside = std::size_t{1} << 20;

std::span<const Reader> readers();

/// The reader of that name, or null.
const Reader* find_reader(std::string_view name);

/// Reads; returns whether the bytes were accepted. Raises std::runtime_error for what no input may bring about: another
/// exception than Error, a Fault, more memory than is declared.
bool feed(const Reader& reader, std::string_view bytes);

}  // namespace handgrad::fuzz
