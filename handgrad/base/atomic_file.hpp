// Writing a file so that a failure at any point leaves the old one whole and no litter.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace handgrad {

/// Writes `bytes` to `path` atomically: a temporary file in the same directory, every write checked, fsync, close
/// checked, rename, fsync of the directory. The permissions of the old file stay; a symbolic link stays, and what it
/// names is replaced; to a device, a pipe or /dev/stdout the bytes are simply appended. Raises Error(io) naming the
/// path and the operating system's reason.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Looks at the first bytes of a file, at most judged_bytes of them, and raises what is wrong before the rest is read: a
/// pipe from a stranger need not end.
using Judge = std::function<void(std::string_view first)>;
inline constexpr std::size_t judged_bytes = std::size_t{1} << 17;

/// The whole file as bytes. Raises Error(io) when it cannot be read, and for a device that does not end.
std::string read_file(const std::filesystem::path& path, const Judge& judge = {});

/// Fails with Error(io) now rather than after hours of training when `path` could not be written later.
void check_writable(const std::filesystem::path& path);

}  // namespace handgrad
