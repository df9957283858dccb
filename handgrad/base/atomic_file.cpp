// POSIX implementation of whole-file reads and atomic writes.
#include "handgrad/base/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>

#include "handgrad/base/error.hpp"

namespace handgrad {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& doing, int error) {
    throw Error(ErrorKind::io, path.string() + ": cannot " + doing + ": " + std::strerror(error));
}

/// A file descriptor that closes itself; close() is for those who must know whether it worked.
class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const { return fd_; }
    int close() {
        const int result = ::close(fd_);
        fd_ = -1;
        return result;
    }

private:
    int fd_;
};

/// A new file beside `target` that is removed again unless it takes the target's place.
class Temporary {
public:
    /// Raises Error(io).
    explicit Temporary(const std::filesystem::path& target) : target_(target), file_(create()) {}
    ~Temporary() {
        if (!placed_) {
            ::unlink(path_.c_str());
        }
    }
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;

    [[nodiscard]] Descriptor& file() { return file_; }
    void take_the_targets_place() {
        if (::rename(path_.c_str(), target_.c_str()) != 0) {
            fail(target_, "rename the temporary file onto it", errno);
        }
        placed_ = true;
    }

private:
    /// Never an existing file: another thread's, or one that a killed process of the same number left behind.
    int create() {
        static std::atomic<unsigned> made{0};
        int fd = -1;
        do {
            path_ = target_.string() + ".tmp." + std::to_string(::getpid()) + "." + std::to_string(made++);
            fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        } while (fd < 0 && errno == EEXIST);
        if (fd < 0) {
            fail(target_, "create a temporary file beside it", errno);
        }
        return fd;
    }

    std::filesystem::path target_;
    std::filesystem::path path_;
    Descriptor file_;
    bool placed_ = false;
};

/// What a symbolic link names in the end, so that the link itself stays.
std::filesystem::path resolved(const std::filesystem::path& path) {
    std::error_code error;
    if (!std::filesystem::is_symlink(path, error)) {
        return path;
    }
    std::filesystem::path target = std::filesystem::canonical(path, error);
    return error ? path : target;
}

/// /dev/stdout, /dev/fd/3, /proc/self/fd/3: another name of what some process has open, maybe to append to it.
bool is_descriptor(const std::filesystem::path& path) {
    std::error_code error;
    const auto in_proc = [&](const std::filesystem::path& link) {
        const std::filesystem::path folder = std::filesystem::canonical(link.parent_path(), error);
        return !error && folder.string().starts_with("/proc/") && folder.filename() == "fd";
    };
    const std::filesystem::path target = std::filesystem::read_symlink(path, error);
    return !error && (in_proc(path) || in_proc(target));
}

/// Devices and pipes (/dev/null, a terminal) cannot be renamed onto and have no old content to protect.
bool is_stream(const std::filesystem::path& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode) &&
           (!S_ISREG(info.st_mode) || is_descriptor(path));
}

void refuse_directory(const std::filesystem::path& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
        fail(path, "write", EISDIR);
    }
}

void write_all(const std::filesystem::path& path, int fd, std::string_view bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t written = ::write(fd, bytes.data() + done, bytes.size() - done);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            fail(path, "write " + std::to_string(bytes.size()) + " bytes", written == 0 ? EIO : errno);
        }
        done += static_cast<std::size_t>(written);
    }
}

void close_checked(const std::filesystem::path& path, Descriptor& file) {
    if (file.close() != 0) {
        fail(path, "close", errno);
    }
}

void write_stream(const std::filesystem::path& path, std::string_view bytes) {
    Descriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    if (file.get() < 0) {
        fail(path, "open for writing", errno);
    }
    write_all(path, file.get(), bytes);
    close_checked(path, file);
}

/// The new file keeps the permissions of the old one: what was private stays private. A file system that refuses has
/// no permissions to keep.
void keep_permissions(const std::filesystem::path& path, int fd) {
    struct stat old {};
    if (::stat(path.c_str(), &old) == 0) {
        static_cast<void>(::fchmod(fd, old.st_mode & 07777));
    }
}

/// Makes a rename last. Where a directory may not be read, or cannot be flushed, that is left to the system.
void flush_directory_of(const std::filesystem::path& path) {
    const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
    const Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0) {
        if (errno != EACCES) {
            fail(path, "open its directory", errno);
        }
    } else if (::fsync(directory.get()) != 0 && errno != EINVAL) {
        fail(path, "flush its directory to the disk", errno);
    }
}

constexpr std::size_t read_step = 65536;

/// Room for so many bytes. Raises Error(io) when there is none.
std::string room_for(const std::filesystem::path& path, std::size_t bytes) {
    try {
        return std::string(bytes, '\0');
    } catch (const std::bad_alloc&) {
        fail(path, "read " + std::to_string(bytes - 1) + " bytes into memory", ENOMEM);
    }
}

}  // namespace

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
    refuse_directory(path);
    if (is_stream(path)) {
        write_stream(path, bytes);
        return;
    }
    const std::filesystem::path target = resolved(path);
    Temporary temporary(target);
    keep_permissions(target, temporary.file().get());
    write_all(path, temporary.file().get(), bytes);
    if (::fsync(temporary.file().get()) != 0) {  // never tried again on the same descriptor: the pages may be gone
        fail(path, "flush to the disk", errno);
    }
    close_checked(path, temporary.file());
    temporary.take_the_targets_place();
    flush_directory_of(target);
}

std::string read_file(const std::filesystem::path& path, const Judge& judge) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info {};
    if (file.get() < 0 || ::fstat(file.get(), &info) != 0) {
        fail(path, "open", errno);
    }
    if (S_ISDIR(info.st_mode)) {
        fail(path, "read", EISDIR);
    }
    const bool endless = S_ISCHR(info.st_mode) && ::isatty(file.get()) == 0;
    bool judged = !judge;
    // One byte more than expected, so that the end of a file of known size is seen without growing.
    std::string bytes = room_for(path, static_cast<std::size_t>(info.st_size) + 1);
    std::size_t done = 0;
    while (true) {
        if (done == bytes.size()) {  // a pipe, or a file that has grown
            bytes.resize(done + std::max(read_step, done / 2));
        }
        const std::size_t wanted = judged ? bytes.size() : std::min(bytes.size(), judged_bytes);
        const ssize_t got = ::read(file.get(), bytes.data() + done, wanted - done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            fail(path, "read", errno);
        }
        done += static_cast<std::size_t>(got);
        if (!judged && (got == 0 || done >= judged_bytes)) {
            judge(std::string_view(bytes).substr(0, done));
            judged = true;
        }
        if (got == 0) {
            break;
        }
        if (endless && done >= judged_bytes) {
            throw Error(ErrorKind::io, path.string() + ": a device that does not end; name a file");
        }
    }
    bytes.resize(done);
    return bytes;
}

void check_writable(const std::filesystem::path& path) {
    refuse_directory(path);
    if (!is_stream(path)) {
        const Temporary removed_at_once(resolved(path));
    }
}

}  // namespace handgrad
