// POSIX implementation of whole-file reads and atomic writes.
#include "handgrad/base/atomic_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/base/memory.hpp"

namespace handgrad {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& doing, int error) {
    throw Error(ErrorKind::io, path.string() + ": cannot " + doing + ": " + std::strerror(error))
        .at_file(path.string(), error);
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
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
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

constexpr std::string_view temporary_mark = ".tmp.";

/// A name beside the target that no other thread or process takes.
std::string temporary_name(const std::filesystem::path& target) {
    static std::atomic<unsigned> made{0};
    return target.string() + std::string(temporary_mark) + std::to_string(::getpid()) + "." + std::to_string(made++);
}

/// Whether a file, just locked, is still there under a name: who sweeps may have been quicker.
bool has_a_name(int fd) {
    struct stat info {};
    return ::fstat(fd, &info) != 0 || info.st_nlink > 0;  // as far as the system tells
}

/// A new file beside `target` that is removed again unless it takes the target's place. It is locked while it is open,
/// so that it is told from those of killed programs.
class Temporary {
public:
    /// Raises Error(io).
    explicit Temporary(const std::filesystem::path& target) : target_(target), file_(create()) {}
    /// A file without a name, made before, that gets one now; another one where that cannot be. Raises Error(io).
    Temporary(const std::filesystem::path& target, Descriptor&& unnamed) : target_(target), file_(std::move(unnamed)) {
        static_cast<void>(::flock(file_.get(), LOCK_EX));
        const std::string self = "/proc/self/fd/" + std::to_string(file_.get());
        do {
            path_ = temporary_name(target_);
            if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path_.c_str(), AT_SYMLINK_FOLLOW) == 0) {
                return;
            }
        } while (errno == EEXIST);
        file_ = Descriptor(create());
    }
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
        while (true) {
            path_ = temporary_name(target_);
            const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
            if (fd < 0 && errno != EEXIST) {
                fail(target_, "create a temporary file beside it", errno);
            }
            if (fd >= 0) {
                static_cast<void>(::flock(fd, LOCK_EX));  // a file system without locks is swept of nothing
                if (has_a_name(fd)) {
                    return fd;
                }
                ::close(fd);
            }
        }
    }

    std::filesystem::path target_;
    std::filesystem::path path_;
    Descriptor file_;
    bool placed_ = false;
};

bool all_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// `m.model` of `m.model.tmp.123.0`, as temporary_name() makes it; empty for other names.
std::string_view target_of(std::string_view name) {
    const std::size_t mark = name.rfind(temporary_mark);
    if (mark == std::string_view::npos) {
        return {};
    }
    const std::string_view numbers = name.substr(mark + temporary_mark.size());
    const std::size_t point = numbers.find('.');
    const bool temporary = point != std::string_view::npos && all_digits(numbers.substr(0, point)) &&
                           all_digits(numbers.substr(point + 1));
    return temporary ? name.substr(0, mark) : std::string_view();
}

/// Removes a temporary file that nobody holds open. One whose lock cannot be had, for whatever reason, stays.
void sweep(const std::filesystem::path& temporary) {
    const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat info {};
    const bool regular = file.get() >= 0 && ::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode);
    if (regular && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) {
        ::unlink(temporary.c_str());
    }
}

}  // namespace

int for_each_name(const std::filesystem::path& folder, const std::function<void(const char* name)>& each) {
    struct Close {
        void operator()(DIR* open) const { ::closedir(open); }
    };
    const std::unique_ptr<DIR, Close> open(::opendir(folder.c_str()));
    if (!open) {
        return errno;
    }
    errno = 0;
    while (const dirent* entry = ::readdir(open.get())) {
        each(entry->d_name);
        errno = 0;
    }
    return errno;
}

void sweep_temporaries(const std::filesystem::path& folder, const std::function<bool(const std::string& file)>& ours) {
    const int problem = for_each_name(folder, [&](const char* name) {
        const std::string target(target_of(name));
        if (!target.empty() && ours(target)) {
            sweep(folder / name);
        }
    });
    if (problem == ENOMEM) {  // without memory nothing else will go well either
        throw std::bad_alloc();
    }
}

namespace {

std::filesystem::path folder_of(const std::filesystem::path& path) {
    return path.has_parent_path() ? path.parent_path() : ".";
}

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

void write_stream(const std::filesystem::path& path, std::string_view bytes, WithoutReader without_reader) {
    int flags = O_WRONLY | O_APPEND | O_CLOEXEC;
    if (without_reader == WithoutReader::fail) {
        flags |= O_NONBLOCK;
    }
    Descriptor file(::open(path.c_str(), flags));
    if (file.get() < 0) {
        fail(path, "open for writing", errno);
    }
    static_cast<void>(::fcntl(file.get(), F_SETFL, O_APPEND));  // from here on it waits
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
    const Descriptor directory(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0) {
        if (errno != EACCES) {
            fail(path, "open its directory", errno);
        }
    } else if (::fsync(directory.get()) != 0 && errno != EINVAL) {
        fail(path, "flush its directory to the disk", errno);
    }
}

/// Fills the temporary file and makes it the target; `path` is the target as messages call it.
void put_in_place(const std::filesystem::path& path, const std::filesystem::path& target, Temporary& temporary,
                  std::string_view bytes) {
    keep_permissions(target, temporary.file().get());
    write_all(path, temporary.file().get(), bytes);
    if (::fsync(temporary.file().get()) != 0) {  // never tried again on the same descriptor: the pages may be gone
        fail(path, "flush to the disk", errno);
    }
    close_checked(path, temporary.file());
    temporary.take_the_targets_place();
    flush_directory_of(target);
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

/// Refuses files that are too large to be read whole: at once where the size is known, else as soon as it shows.
class ReadLimit {
public:
    ReadLimit(const std::filesystem::path& path, std::optional<std::size_t> most) : path_(path), most_(most) {}

    void check(std::size_t bytes) {
        if (most_ && bytes > *most_) {
            throw Error(ErrorKind::io, path_.string() + ": it has more than " + std::to_string(*most_) +
                                           " bytes, the most that such a file may have")
                .at_file(path_.string(), EFBIG);
        }
        if (bytes <= limits::always_read_bytes) {
            return;
        }
        if (!memory_) {
            memory_ = memory_there_is();
        }
        if (bytes > limits::read_bytes(*memory_)) {
            throw Error(ErrorKind::io, path_.string() + ": to read it needs at least " +
                                           gigabytes(limits::memory_for_a_byte * bytes) + " of memory, and there are " +
                                           gigabytes(*memory_))
                .at_file(path_.string(), ENOMEM);
        }
    }

private:
    static std::string gigabytes(std::size_t bytes) {
        constexpr std::size_t tenth = 100'000'000;
        return std::to_string(bytes / (10 * tenth)) + "." + std::to_string(bytes / tenth % 10) + " GB";
    }
    const std::filesystem::path& path_;
    std::optional<std::size_t> most_, memory_;
};

/// More room for a file whose size is not known; by hand, as a string would double it. Raises Error(io) when there is
/// none.
void grow(const std::filesystem::path& path, std::string& bytes, std::size_t larger, ReadLimit& limit) {
    limit.check(bytes.size());
    std::string grown;
    try {
        grown.assign(larger, '\0');
    } catch (const std::bad_alloc&) {
        fail(path, "read more than " + std::to_string(bytes.size()) + " bytes into memory", ENOMEM);
    }
    bytes.copy(grown.data(), bytes.size());
    bytes.swap(grown);
}

}  // namespace

struct ReservedFile::Room {
    Descriptor file;
};

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes, WithoutReader without_reader) {
    refuse_directory(path);
    if (is_stream(path)) {
        write_stream(path, bytes, without_reader);
        return;
    }
    const std::filesystem::path target = resolved(path);
    Temporary temporary(target);
    put_in_place(path, target, temporary, bytes);
}

ReservedFile::ReservedFile(const std::filesystem::path& path, std::size_t bytes) : path_(path) {
    refuse_directory(path);
    if (is_stream(path)) {
        return;
    }
    Descriptor file(::open(folder_of(resolved(path)).c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666));
    if (file.get() < 0) {
        return;
    }
    if (::fallocate(file.get(), 0, 0, static_cast<off_t>(bytes)) == 0) {
        room_.reset(new Room{std::move(file)});
    } else if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) {
        fail(path, "set aside the " + std::to_string(bytes) + " bytes that it will need", errno);
    }
}

ReservedFile::~ReservedFile() = default;

void ReservedFile::write(std::string_view bytes, WithoutReader without_reader) {
    const std::unique_ptr<Room> room = std::move(room_);
    if (!room) {
        write_file_atomically(path_, bytes, without_reader);
        return;
    }
    const std::filesystem::path target = resolved(path_);
    refuse_directory(target);
    Temporary temporary(target, std::move(room->file));
    if (::ftruncate(temporary.file().get(), static_cast<off_t>(bytes.size())) != 0) {
        fail(path_, "cut to " + std::to_string(bytes.size()) + " bytes", errno);
    }
    put_in_place(path_, target, temporary, bytes);
}

std::optional<FileLock> FileLock::take(const std::filesystem::path& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        fail(path, "create the file of its lock", errno);
    }
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        ::close(fd);
        return {};
    }
    return FileLock(fd);
}
FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
FileLock& FileLock::operator=(FileLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
}
FileLock::~FileLock() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

bool FileLock::stands_at(const std::filesystem::path& path) const {
    struct stat own {};
    struct stat there {};
    return ::fstat(descriptor_, &own) == 0 && ::stat(path.c_str(), &there) == 0 && own.st_dev == there.st_dev &&
           own.st_ino == there.st_ino;
}

std::string read_file(const std::filesystem::path& path, const Judge& judge, std::optional<std::size_t> most) {
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
    ReadLimit limit(path, most);
    limit.check(static_cast<std::size_t>(info.st_size));
    // One byte more than expected, so that the end of a file of known size is seen without growing.
    std::string bytes = room_for(path, static_cast<std::size_t>(info.st_size) + 1);
    std::size_t done = 0;
    while (true) {
        if (done == bytes.size()) {  // a pipe, or a file that has grown
            grow(path, bytes, done + std::max(read_step, done / 2), limit);
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
            throw Error(ErrorKind::io, path.string() + ": a device that does not end; name a file")
                .at_file(path.string());
        }
    }
    limit.check(done);
    bytes.resize(done);
    return bytes;
}

void check_writable(const std::filesystem::path& path) {
    refuse_directory(path);
    if (!is_stream(path)) {
        const std::filesystem::path target = resolved(path);
        const std::string name = target.filename().string();
        sweep_temporaries(folder_of(target), [&](const std::string& file) { return file == name; });
        const Temporary removed_at_once(target);
    }
}

}  // namespace handgrad
