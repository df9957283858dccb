// Writing a file so that a failure at any point leaves the old one whole and no litter.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace handgrad {

/// What to do when a pipe has no reader: wait until there is one, or a signal comes; or fail.
enum class WithoutReader { wait, fail };

/// Writes `bytes` to `path` atomically: a temporary file in the same directory, every write checked, fsync, close
/// checked, rename, fsync of the directory. The permissions of the old file stay; a symbolic link stays, and what it
/// names is replaced; to a device, a pipe or /dev/stdout the bytes are simply appended. Raises Error(io) naming the
/// path and the operating system's reason, also when a signal ends the wait for a pipe's reader.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes,
                           WithoutReader without_reader = WithoutReader::wait);

/// Room for a file that is written at the end of long work, taken at its beginning as well as the file system allows:
/// in a file without a name, which is gone by itself should the program be killed.
class ReservedFile {
public:
    /// Raises Error(io) when there is no room for so many bytes. Where the file system reserves nothing, nor for a
    /// device or a pipe, none is taken.
    ReservedFile(const std::filesystem::path& path, std::size_t bytes);
    ~ReservedFile();
    ReservedFile(const ReservedFile&) = delete;
    ReservedFile& operator=(const ReservedFile&) = delete;

    /// As write_file_atomically(), into the room that was taken; once.
    void write(std::string_view bytes, WithoutReader without_reader = WithoutReader::wait);

private:
    struct Room;
    std::filesystem::path path_;
    std::unique_ptr<Room> room_;
};

/// Looks at the first bytes of a file, at most judged_bytes of them, and raises what is wrong before the rest is read:
/// a pipe from a stranger need not end.
using Judge = std::function<void(std::string_view first)>;
inline constexpr std::size_t judged_bytes = std::size_t{1} << 17;

/// The whole file as bytes. Raises Error(io) when it cannot be read, for a device that does not end, and for more bytes
/// than `most` or than the memory that there is can hold (base/limits.hpp), before it is full.
std::string read_file(const std::filesystem::path& path, const Judge& judge = {}, std::optional<std::size_t> most = {});

/// Fails with Error(io) now rather than after hours of training when `path` could not be written later. Sweeps
/// temporary files that killed programs have left beside it; those of programs that live, wherever, are locked and
/// stay.
void check_writable(const std::filesystem::path& path);

/// Takes a lock that lasts as long as this lives, in a file that is made for it; nothing while another program, or
/// another part of this one, has it. Where the file system knows no locks it is granted. Raises Error(io) when the file
/// cannot be made.
class FileLock {
public:
    static std::optional<FileLock> take(const std::filesystem::path& path);
    FileLock(FileLock&& other) noexcept;
    FileLock& operator=(FileLock&& other) noexcept;
    ~FileLock();

    /// Whether its file still stands at this path: where it was removed another program may have the lock of a new one.
    [[nodiscard]] bool stands_at(const std::filesystem::path& path) const;

private:
    explicit FileLock(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};

/// Calls `each` with every name in a folder, `.` and `..` too, in no order: what the operating system has against it
/// (errno), 0 for nothing. Not std::filesystem's iterator, which ends the program when there is no memory for it.
int for_each_name(const std::filesystem::path& folder, const std::function<void(const char* name)>& each);

/// Removes from a folder the temporary files that killed programs have left of the files that `ours` names: what else
/// looks like one may be somebody's.
void sweep_temporaries(const std::filesystem::path& folder, const std::function<bool(const std::string& file)>& ours);

}  // namespace handgrad
