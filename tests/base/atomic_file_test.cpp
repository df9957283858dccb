// Atomic files: the bytes come back, and after any failure the old file is whole and no other is left.
#include "handgrad/base/atomic_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "handgrad/base/error.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class AtomicFile : public InItsFolder {};

template <class Action>
std::string refusal(Action action) {
    return message_of(ErrorKind::io, action);
}

TEST_F(AtomicFile, TheBytesComeBackWhateverTheyAre) {
    std::string all_bytes;
    for (int i = 0; i < 256; ++i) {
        all_bytes += static_cast<char>(i);
    }
    for (const std::string& bytes : {std::string(), all_bytes, std::string(1000000, '\n')}) {
        write_file_atomically(path("f"), bytes);
        EXPECT_EQ(read_file(path("f")), bytes);
        EXPECT_THAT(files(), ElementsAre("f"));
    }
}

TEST_F(AtomicFile, ANameWithoutDirectoryIsWrittenToTheCurrentOne) {
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::current_path(path(""));
    write_file_atomically("f", "here");
    std::filesystem::current_path(before);
    EXPECT_EQ(read_file(path("f")), "here");
}

TEST_F(AtomicFile, AFailedWriteLeavesTheOldFileWholeAndNoLitter) {
    write_file_atomically(path("f"), "old");
    // A limit on the size of files makes the write fail half way, as a full disk does.
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit small{1000, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const std::string message = refusal([&] { write_file_atomically(path("f"), std::string(2000, 'x')); });
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(message, path("f").string() + ": cannot write 2000 bytes: File too large");
    EXPECT_EQ(read_file(path("f")), "old");
    EXPECT_THAT(files(), ElementsAre("f"));
}

TEST_F(AtomicFile, ADirectoryIsNotReplaced) {
    std::filesystem::create_directories(path("d"));
    EXPECT_EQ(refusal([&] { write_file_atomically(path("d"), "x"); }),
              path("d").string() + ": cannot write: Is a directory");
    EXPECT_THAT(files(), ElementsAre("d"));
}

TEST_F(AtomicFile, AMissingFolderIsNamed) {
    const std::string expected =
        path("no/f").string() + ": cannot create a temporary file beside it: No such file or directory";
    EXPECT_EQ(refusal([&] { write_file_atomically(path("no/f"), "x"); }), expected);
    EXPECT_EQ(refusal([&] { check_writable(path("no/f")); }), expected);
}

TEST_F(AtomicFile, AFileInPlaceOfAFolderIsNamed) {
    write_file_atomically(path("f"), "x");
    EXPECT_THAT(refusal([&] { check_writable(path("f/g")); }), HasSubstr("Not a directory"));
}

TEST_F(AtomicFile, CheckWritableChangesNothing) {
    check_writable(path("new"));
    EXPECT_TRUE(files().empty());
    write_file_atomically(path("f"), "old");
    check_writable(path("f"));
    EXPECT_EQ(read_file(path("f")), "old");
    EXPECT_THAT(files(), ElementsAre("f"));
    EXPECT_THAT(refusal([&] { check_writable(path("")); }), HasSubstr("Is a directory"));
}

TEST_F(AtomicFile, DevicesAreWrittenToAndStay) {
    write_file_atomically("/dev/null", "x");
    check_writable("/dev/null");
    EXPECT_EQ(refusal([] { write_file_atomically("/dev/full", "x"); }),
              "/dev/full: cannot write 1 bytes: No space left on device");
    EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST_F(AtomicFile, WhatADescriptorHasOpenIsAppendedTo) {
    write_file_atomically(path("f"), "first\n");
    const int fd = ::open(path("f").c_str(), O_WRONLY | O_APPEND);
    ASSERT_GE(fd, 0);
    write_file_atomically("/dev/fd/" + std::to_string(fd), "second\n");  // as /dev/stdout is of a shell's `>> f`
    check_writable("/proc/self/fd/" + std::to_string(fd));
    ::close(fd);
    EXPECT_EQ(read_file(path("f")), "first\nsecond\n");
    EXPECT_THAT(files(), ElementsAre("f"));
}

TEST_F(AtomicFile, ASymbolicLinkStaysAndItsTargetIsReplaced) {
    std::filesystem::create_directories(path("there"));
    write_file_atomically(path("there/f"), "old");
    std::filesystem::create_symlink("there/f", path("link"));
    write_file_atomically(path("link"), "new");
    EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
    EXPECT_EQ(read_file(path("there/f")), "new");
    EXPECT_THAT(files(), ElementsAre("link", "there"));
}

TEST_F(AtomicFile, PermissionsOfTheOldFileStayAndNewFilesFollowTheUmask) {
    const auto mode = [&] {
        struct stat info {};
        EXPECT_EQ(::stat(path("f").c_str(), &info), 0);
        return info.st_mode & 07777;
    };
    const mode_t before = ::umask(027);
    write_file_atomically(path("f"), "x");
    ::umask(before);
    EXPECT_EQ(mode(), 0640U);
    ASSERT_EQ(::chmod(path("f").c_str(), 0600), 0);
    write_file_atomically(path("f"), "y");
    EXPECT_EQ(mode(), 0600U);
}

TEST_F(AtomicFile, AFileLeftBehindByAKilledProcessIsNotTouched) {
    for (int i = 0; i < 100; ++i) {
        const std::string name = "f.tmp." + std::to_string(::getpid()) + "." + std::to_string(i);
        write_file_atomically(path(name), "left behind");
    }
    write_file_atomically(path("f"), "new");
    EXPECT_EQ(read_file(path("f")), "new");
    EXPECT_EQ(files().size(), 101U);
}

TEST_F(AtomicFile, ThreadsThatWriteTheSameFileLeaveOneOfTheirTexts) {
    std::vector<std::thread> threads;
    for (const char letter : {'a', 'b', 'c', 'd'}) {
        threads.emplace_back([this, letter] {
            for (int i = 0; i < 20; ++i) {
                write_file_atomically(path("f"), std::string(10000, letter));
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    const std::string bytes = read_file(path("f"));
    EXPECT_EQ(bytes, std::string(10000, bytes.at(0)));
    EXPECT_THAT(files(), ElementsAre("f"));
}

TEST_F(AtomicFile, ReadingNamesWhatCannotBeRead) {
    EXPECT_EQ(refusal([&] { read_file(path("f")); }), path("f").string() + ": cannot open: No such file or directory");
    EXPECT_EQ(refusal([&] { read_file(path("")); }), path("").string() + ": cannot read: Is a directory");
}

TEST_F(AtomicFile, ErrorsHaveTheFileAndTheNumberOfTheSystem) {
    const auto caught = [](const auto& call) {
        try {
            call();
        } catch (const Error& error) {
            return error;
        }
        return Error(ErrorKind::usage, "nothing was thrown");
    };
    const Error gone = caught([&] { read_file(path("f")); });
    EXPECT_EQ(gone.file(), path("f").string());
    EXPECT_EQ(gone.system_error(), ENOENT);
    const Error folder = caught([&] { write_file_atomically(path("none/f"), ""); });
    EXPECT_EQ(folder.file(), path("none/f").string());
    EXPECT_EQ(folder.system_error(), ENOENT);
    const Error other(ErrorKind::data, "no file");
    EXPECT_EQ(other.file(), "");
    EXPECT_EQ(other.system_error(), 0);
}

#ifndef __SANITIZE_ADDRESS__  // which needs the address space for itself
TEST_F(AtomicFile, AFileLargerThanTheMemoryIsAnError) {
    write_file_atomically(path("f"), "");
    std::filesystem::resize_file(path("f"), std::uintmax_t{1} << 42);  // a hole of 4 TiB takes no room on the disk
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
    const rlimit small{rlim_t{1} << 36, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &small), 0);
    const std::string message = refusal([&] { read_file(path("f")); });
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
    EXPECT_THAT(message, HasSubstr(": to read it needs at least 13194.1 GB of memory, and there are "));
}
#endif

TEST_F(AtomicFile, AFileThatDoesNotKnowItsSizeIsReadToItsEnd) {
    EXPECT_THAT(read_file("/proc/self/status"), StartsWith("Name:"));
}

TEST_F(AtomicFile, APipeIsReadToItsEnd) {
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    const std::string sent(300000, 'x');
    std::thread writer([&] { write_file_atomically(path("pipe"), sent); });
    const std::string received = read_file(path("pipe"));
    writer.join();
    EXPECT_EQ(received, sent);
}

TEST_F(AtomicFile, ReservedRoomHasNoNameUntilItIsWritten) {
    write_file_atomically(path("f"), "old");
    {
        ReservedFile reserved(path("f"), 1000000);
        EXPECT_THAT(files(), ElementsAre("f"));
        reserved.write("new");
        EXPECT_EQ(read_file(path("f")), "new");  // and no byte of the room that was not needed
    }
    { const ReservedFile never_written(path("g"), 1000); }
    EXPECT_THAT(files(), ElementsAre("f"));
    EXPECT_THAT(refusal([&] { ReservedFile too_large(path("g"), std::size_t{1} << 60); }), HasSubstr("set aside"));
}

TEST_F(AtomicFile, ReservedRoomKeepsPermissionsAndLinksAsAnyWrite) {
    write_file_atomically(path("f"), "old");
    ASSERT_EQ(::chmod(path("f").c_str(), 0600), 0);
    std::filesystem::create_symlink("f", path("link"));
    ReservedFile reserved(path("link"), 100);
    reserved.write("new");
    struct stat info {};
    ASSERT_EQ(::stat(path("f").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u);
    EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
    EXPECT_EQ(read_file(path("f")), "new");
}

TEST_F(AtomicFile, TemporaryFilesOfKilledProgramsAreSweptAndOthersAreNot) {
    for (const char* name : {"f.tmp.12.0", "f.tmp.12.x", "f.tmp.12", "f.tmp..1", "g.tmp.12.0", "f.tmp.13.0.txt"}) {
        static_cast<void>(write(name, ""));
    }
    const std::optional<FileLock> alive = FileLock::take(path("f.tmp.99.1"));
    check_writable(path("f"));
    EXPECT_THAT(files(),
                ElementsAre("f.tmp..1", "f.tmp.12", "f.tmp.12.x", "f.tmp.13.0.txt", "f.tmp.99.1", "g.tmp.12.0"));
    sweep_temporaries(path(""), [](const std::string& file) { return file == "g"; });
    EXPECT_THAT(files(), ElementsAre("f.tmp..1", "f.tmp.12", "f.tmp.12.x", "f.tmp.13.0.txt", "f.tmp.99.1"));
}

TEST_F(AtomicFile, ALockIsHadByOneAtATime) {
    std::optional<FileLock> first = FileLock::take(path("lock"));
    EXPECT_TRUE(first);
    EXPECT_FALSE(FileLock::take(path("lock")));
    EXPECT_TRUE(first->stands_at(path("lock")));
    std::filesystem::remove(path("lock"));
    EXPECT_FALSE(first->stands_at(path("lock")));
    const std::optional<FileLock> second = FileLock::take(path("lock"));
    EXPECT_TRUE(second);
    EXPECT_FALSE(first->stands_at(path("lock")));
    first.reset();
    EXPECT_FALSE(FileLock::take(path("lock")));
}

TEST_F(AtomicFile, AFileMayHaveALimit) {
    static_cast<void>(write("f", "12345"));
    EXPECT_EQ(read_file(path("f"), {}, 5), "12345");
    EXPECT_THAT(refusal([&] { static_cast<void>(read_file(path("f"), {}, 4)); }), HasSubstr("more than 4 bytes"));
}

TEST_F(AtomicFile, APipeWithoutReaderCanBeGivenUp) {
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    EXPECT_THAT(refusal([&] { write_file_atomically(path("pipe"), "x", WithoutReader::fail); }), HasSubstr("open"));
}

}  // namespace
}  // namespace handgrad
