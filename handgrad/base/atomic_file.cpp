// POSIX implementation of whole-file reads and atomic writes.
#include "handgrad/base/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

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

/// Removes the temporary file unless it has become the target.
class Temporary {
public:
    explicit Temporary(std::filesystem::path path) : path_(std::move(path)) {}
    ~Temporary() {
        if (!kept_) {
            ::unlink(path_.c_str());
        }
    }
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    void keep() { kept_ = true; }

private:
    std::filesystem::path path_;
    bool kept_ = false;
};

std::filesystem::path directory_of(const std::filesystem::path& path) {
    return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

std::filesystem::path temporary_beside(const std::filesystem::path& path) {
    return path.string() + ".tmp." + std::to_string(::getpid());
}

/// Devices and pipes (/dev/null, /dev/stdout) cannot be renamed onto and have no old content to protect.
bool is_stream(const std::filesystem::path& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

void write_all(const std::filesystem::path& path, int fd, std::string_view bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t written = ::write(fd, bytes.data() + done, bytes.size() - done);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            fail(path, "write " + std::to_string(bytes.size()) + " bytes", errno);
        }
        done += static_cast<std::size_t>(written);
    }
}

void refuse_directory(const std::filesystem::path& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
        fail(path, "write", EISDIR);
    }
}

}  // namespace

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
    refuse_directory(path);
    if (is_stream(path)) {
        Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        if (file.get() < 0) {
            fail(path, "open for writing", errno);
        }
        write_all(path, file.get(), bytes);
        if (file.close() != 0) {
            fail(path, "close", errno);
        }
        return;
    }
    const std::filesystem::path temporary = temporary_beside(path);
    Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (file.get() < 0) {
        fail(path, "create a temporary file beside it", errno);
    }
    Temporary litter(temporary);
    write_all(path, file.get(), bytes);
    if (::fsync(file.get()) != 0) {  // never tried again on the same descriptor: the pages may be gone
        fail(path, "flush to the disk", errno);
    }
    if (file.close() != 0) {
        fail(path, "close", errno);
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        fail(path, "rename the temporary file onto it", errno);
    }
    litter.keep();
    Descriptor directory(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0 || ::fsync(directory.get()) != 0) {
        fail(path, "flush its directory to the disk", errno);
    }
}

std::string read_file(const std::filesystem::path& path) {
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info {};
    if (file.get() < 0 || ::fstat(file.get(), &info) != 0) {
        fail(path, "open", errno);
    }
    if (S_ISDIR(info.st_mode)) {
        fail(path, "read", EISDIR);
    }
    std::string bytes;
    std::size_t done = 0;
    const std::size_t expected = S_ISREG(info.st_mode) ? static_cast<std::size_t>(info.st_size) : 0;
    bytes.resize(expected);
    while (true) {
        if (done == bytes.size()) {  // a pipe, or the end of a file whose size was known: look for one more byte
            bytes.resize(done + (S_ISREG(info.st_mode) ? 1 : 65536));
        }
        const ssize_t got = ::read(file.get(), bytes.data() + done, bytes.size() - done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            fail(path, "read", errno);
        }
        if (got == 0) {
            break;
        }
        done += static_cast<std::size_t>(got);
    }
    bytes.resize(done);
    return bytes;
}

void check_writable(const std::filesystem::path& path) {
    refuse_directory(path);
    if (is_stream(path)) {
        return;
    }
    const std::filesystem::path temporary = temporary_beside(path);
    Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (file.get() < 0) {
        fail(path, "create a file there", errno);
    }
    Temporary litter(temporary);
}

}  // namespace handgrad
