// Matrices: layout, alignment, and windows on the same numbers.
#include "handgrad/base/matrix.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <numeric>

namespace handgrad {
namespace {

using testing::ElementsAre;

/// 0, 1, 2 … row after row.
Matrix<float> counting(std::size_t rows, std::size_t columns) {
    Matrix<float> m(rows, columns);
    std::iota(m.values().begin(), m.values().end(), 0.0F);
    return m;
}

TEST(Matrix, StartsAsZeros) { EXPECT_THAT(Matrix<double>(2, 2).values(), ElementsAre(0, 0, 0, 0)); }

TEST(Matrix, HoldsItsNumbersRowAfterRowWithoutGaps) {
    Matrix<float> m = counting(2, 3);
    EXPECT_EQ(m.rows(), 2U);
    EXPECT_EQ(m.columns(), 3U);
    EXPECT_EQ(m(1, 0), 3.0F);
    EXPECT_THAT(m.row(1), ElementsAre(3, 4, 5));
    m(1, 2) = 9.0F;
    EXPECT_THAT(m.values(), ElementsAre(0, 1, 2, 3, 4, 9));
}

TEST(Matrix, StartsAtAMultipleOf64Bytes) {
    for (std::size_t n = 1; n < 40; ++n) {
        const Matrix<float> m(1, n);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(m.values().data()) % 64, 0U) << n;
    }
}

TEST(Matrix, ACopyIsIndependent) {
    const Matrix<float> m = counting(1, 2);
    Matrix<float> copy = m;
    copy(0, 0) = 7.0F;
    EXPECT_EQ(m(0, 0), 0.0F);
}

TEST(Matrix, MayHaveNoRowsOrNoColumns) {
    EXPECT_TRUE(Matrix<float>(0, 3).values().empty());
    EXPECT_EQ(Matrix<float>(0, 3).columns(), 3U);
    EXPECT_TRUE(Matrix<float>(3, 0).row(2).empty());
    EXPECT_EQ(Matrix<float>().rows(), 0U);
}

TEST(MatrixView, IsAWindowOnNumbersThatSomebodyElseOwns) {
    Matrix<float> m = counting(3, 4);
    const MatrixView<float> middle(&m(0, 1), 3, 2, 4);  // columns 1 and 2
    EXPECT_THAT(middle.row(2), ElementsAre(9, 10));
    middle(1, 0) = -1.0F;
    EXPECT_EQ(m(1, 1), -1.0F);
}

TEST(MatrixView, TakesRowsWithTheStrideOfTheWhole) {
    Matrix<float> m = counting(4, 3);
    const MatrixView<const float> left(m.values().data(), 4, 2, 3);
    const MatrixView<const float> last = left.rows_from(2, 2);
    EXPECT_EQ(last.rows(), 2U);
    EXPECT_EQ(last.stride(), 3U);
    EXPECT_THAT(last.row(1), ElementsAre(9, 10));
    EXPECT_EQ(left.rows_from(4, 0).rows(), 0U);
}

TEST(MatrixView, ThatMayWriteServesAsOneThatOnlyReads) {
    Matrix<float> m = counting(2, 2);
    const MatrixView<float> writes = m;
    const MatrixView<const float> reads = writes;
    m(0, 1) = 5.0F;
    EXPECT_EQ(reads(0, 1), 5.0F);
    static_assert(!std::is_convertible_v<MatrixView<const float>, MatrixView<float>>);
    static_assert(!std::is_convertible_v<const Matrix<float>&, MatrixView<float>>);
}

TEST(AlignedAllocator, RefusesMoreThanTheAddressSpace) {
    EXPECT_THROW(AlignedAllocator<double>().allocate(std::numeric_limits<std::size_t>::max() / 4),
                 std::bad_array_new_length);
}

TEST(Memory, IsAlignedToLinesAndMuchOfItToLargePages) {
    for (const std::size_t bytes :
         {std::size_t{1}, std::size_t{1000}, (std::size_t{1} << 23) - 1, std::size_t{1} << 23}) {
        void* pointer = allocate_numbers(bytes);
        const auto address = reinterpret_cast<std::uintptr_t>(pointer);
        EXPECT_EQ(address % 64, 0U);
        EXPECT_EQ(bytes < (std::size_t{1} << 23) ? 0U : address % (std::uintptr_t{1} << 21), 0U);
        std::memset(pointer, 1, bytes);
        free_numbers(pointer, bytes);
    }
}

#ifndef __SANITIZE_ADDRESS__  // it ends the program where `new` would throw
TEST(Memory, RefusesMoreThanThereIs) {
    EXPECT_THROW(allocate_numbers(static_cast<std::size_t>(-1) / 2), std::bad_alloc);
}
#endif

}  // namespace
}  // namespace handgrad
