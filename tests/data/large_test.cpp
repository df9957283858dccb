// More numbers than 32 bits count: their addresses are right, and their sizes are checked before anything is allocated.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <new>
#include <string>
#include <string_view>

#include "handgrad/base/matrix.hpp"
#include "handgrad/data/binary_table.hpp"
#include "handgrad/data/table.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

/// Addresses without memory: zeros, of which only the pages that are written to exist. From a file of that content when
/// `file` is given.
class Zeros {
public:
    explicit Zeros(std::size_t bytes, int file = -1)
        : bytes_(bytes),
          start_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_NORESERVE | (file < 0 ? MAP_ANONYMOUS : 0), file, 0)) {}
    ~Zeros() {
        if (there()) {
            ::munmap(start_, bytes_);
        }
    }
    Zeros(const Zeros&) = delete;
    Zeros& operator=(const Zeros&) = delete;

    /// A system that gives out no more addresses than it has memory refuses; there is nothing to test then.
    [[nodiscard]] bool there() const { return start_ != MAP_FAILED; }
    [[nodiscard]] char* bytes() const { return static_cast<char*>(start_); }

private:
    std::size_t bytes_;
    void* start_;
};

constexpr std::size_t rows = 3'000'000'000;  // beyond 2^31 by themselves
constexpr std::size_t columns = 3;           // and 9·10^9 numbers, beyond 2^33

TEST(Large, AMatrixViewAddressesBeyondTwoToThe33Numbers) {
    const Zeros memory(rows * columns * sizeof(float));
    if (!memory.there()) {
        GTEST_SKIP() << "no address space";
    }
    auto* const numbers = reinterpret_cast<float*>(memory.bytes());
    const MatrixView<float> matrix(numbers, rows, columns);
    matrix(rows - 1, columns - 1) = 1.0F;
    EXPECT_EQ(numbers[rows * columns - 1], 1.0F);
    for (const std::size_t row : {(std::size_t{1} << 31U) - 1, std::size_t{1} << 31U, rows - 2}) {
        matrix(row, 1) = 2.0F;
        EXPECT_EQ(&matrix(row, 1), numbers + row * columns + 1);
        EXPECT_EQ(numbers[row * columns + 1], 2.0F);
        EXPECT_EQ(matrix.row(row)[1], 2.0F);
        EXPECT_EQ(matrix.rows_from(row, 2)(0, 1), 2.0F);
        EXPECT_EQ(matrix.rows_from(row, 2)(1, 1), numbers[(row + 1) * columns + 1]);
    }
    EXPECT_EQ(matrix(0, 0), 0.0F);  // what 32 bits would have written to
    EXPECT_EQ(matrix((rows * columns - 1) % (std::size_t{1} << 32U) / columns, 0), 0.0F);
    const MatrixView<float> strided(numbers, 2, 1, rows * columns - 1);
    EXPECT_EQ(strided(1, 0), 1.0F);
}

TEST(Large, AMatrixThatNoMemoryHoldsIsRefusedNotCutShort) {
    const std::size_t huge = std::size_t{1} << 31U;
    EXPECT_THROW(Matrix<double>(huge, huge), std::exception);  // 2^62 numbers, 2^65 bytes
}

TEST(Large, TheSizeOfAnArrayIsCountedIn64Bits) {
    ArrayLayout layout{
        .rows = rows, .columns = columns, .element = Element::f64, .big_endian = false, .column_major = false};
    EXPECT_EQ(bytes_of(layout), std::size_t{72'000'000'000});
    layout.rows = std::size_t{1} << 32U;
    layout.columns = (std::size_t{1} << 29U) - 1;
    EXPECT_EQ(bytes_of(layout), (std::size_t{1} << 32U) * ((std::size_t{1} << 29U) - 1) * 8);
    layout.columns = std::size_t{1} << 29U;
    EXPECT_EQ(bytes_of(layout), std::nullopt);
}

std::string npy_header(const std::string& descr, const std::string& shape) {
    const std::string dictionary = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
    return std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(dictionary.size()) + '\0' + dictionary;
}

/// A file of that many bytes which takes up one block of the disk.
class SparseFile {
public:
    SparseFile(std::string_view start, std::size_t bytes)
        : path_(std::filesystem::temp_directory_path() / ("handgrad_large_" + std::to_string(::getpid()) + ".npy")),
          file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
        made_ = ::write(file_, start.data(), start.size()) == static_cast<ssize_t>(start.size()) &&
                ::ftruncate(file_, static_cast<off_t>(bytes)) == 0;
    }
    ~SparseFile() {
        ::close(file_);
        std::filesystem::remove(path_);
    }
    SparseFile(const SparseFile&) = delete;
    SparseFile& operator=(const SparseFile&) = delete;

    [[nodiscard]] bool made() const { return made_; }
    [[nodiscard]] int file() const { return file_; }

private:
    std::filesystem::path path_;
    int file_;
    bool made_;
};

TEST(Large, AnArrayFileOfMoreThanTwoToThe32NumbersIsMeasuredBeforeAnythingIsAllocated) {
    const std::string header = npy_header("<f8", "(3000000000, 3)");
    const std::size_t size = header.size() + rows * columns * sizeof(double) - 1;  // one byte is missing
    const SparseFile file(header, size);
    const Zeros content(size, file.file());
    if (!file.made() || !content.there()) {
        GTEST_SKIP() << "no file or no address space of " << size << " bytes";
    }
    EXPECT_EQ(raised([&] {
                  read_npy({content.bytes(), size}, "x.npy");
              }),
              "data: x.npy: the shape (3000000000, 3) of '<f8' needs 72000000000 bytes, but 71999999999 follow the "
              "header; write the file again");
}

TEST(Large, IdxDimensionsAreMultipliedIn64Bits) {
    // 65537 · 65537 · 1 bytes are 131073 more than 2^32: in 32 bits this file would be of the right size.
    const std::string start("\0\0\x08\x03\0\1\0\1\0\1\0\1\0\0\0\1", 16);
    EXPECT_EQ(raised([&] { read_idx(start + std::string(131073, '\0'), "x.idx"); }),
              "data: x.idx: byte 16: the dimensions need 4295098369 bytes, but 131073 follow; fetch the file again");
}

}  // namespace
}  // namespace handgrad
