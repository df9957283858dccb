// IDX files: all six types, labels and images, and sizes that lie.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "handgrad/data/table.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

using ::testing::ElementsAre;

std::string big_endian(std::uint32_t value) {
    std::string bytes;
    for (const int shift : {24, 16, 8, 0}) {
        bytes += static_cast<char>(value >> shift & 255U);
    }
    return bytes;
}

std::string file(int type, std::initializer_list<std::uint32_t> lengths, const std::string& data) {
    std::string bytes{'\0', '\0', static_cast<char>(type), static_cast<char>(lengths.size())};
    for (const std::uint32_t length : lengths) {
        bytes += big_endian(length);
    }
    return bytes + data;
}

std::string error(const std::string& bytes) {
    return raised([&] { read_idx(bytes, "t.idx"); });
}

TEST(Idx, LabelsAreOneColumn) {
    const Table table = read_idx(file(0x08, {3}, "\x05\x09\xFF"), "labels.idx");
    ASSERT_EQ(table.columns.size(), 1);
    EXPECT_EQ(table.columns[0].name, "x1");
    EXPECT_THAT(table.columns[0].numbers, ElementsAre(5, 9, 255));
    EXPECT_EQ(table.place(2), "labels.idx: row 2");
}

TEST(Idx, ImagesAreFlattenedRowByRow) {
    const Table table = read_idx(file(0x08, {2, 2, 3}, "ABCDEFabcdef"), "images.idx");
    EXPECT_EQ(table.rows, 2);
    ASSERT_EQ(table.columns.size(), 6);
    EXPECT_THAT(table.columns[0].numbers, ElementsAre('A', 'a'));
    EXPECT_THAT(table.columns[4].numbers, ElementsAre('E', 'e'));
    EXPECT_EQ(table.columns[5].name, "x6");
}

TEST(Idx, EveryTypeIsReadBigEndian) {
    const auto numbers = [](int type, const std::string& data) {
        return read_idx(file(type, {1}, data), "t.idx").columns[0].numbers;
    };
    EXPECT_THAT(numbers(0x08, "\x80"), ElementsAre(128));
    EXPECT_THAT(numbers(0x09, "\x80"), ElementsAre(-128));
    EXPECT_THAT(numbers(0x0B, "\xFF\xFE"), ElementsAre(-2));
    EXPECT_THAT(numbers(0x0C, std::string("\0\1\0\2", 4)), ElementsAre(65538));
    EXPECT_THAT(numbers(0x0D, std::string("\x3F\xC0\0\0", 4)), ElementsAre(1.5));
    EXPECT_THAT(numbers(0x0E, std::string("\xC0\0\0\0\0\0\0\0", 8)), ElementsAre(-2));
}

TEST(Idx, DamageIsAnErrorWithItsByte) {
    EXPECT_EQ(error(std::string("\0\0", 2)), "data: t.idx: byte 2: cut off in the first 4 bytes of an IDX file");
    EXPECT_EQ(error("PK\x03\x04"), "data: t.idx: byte 0: not an IDX file, which starts with two zero bytes");
    EXPECT_EQ(error(file(0x0A, {1}, "x")),
              "data: t.idx: byte 2: the IDX type 10 is unknown (known: 8, 9, 11, 12, 13, 14)");
    EXPECT_EQ(error(file(0x08, {}, "x")),
              "data: t.idx: byte 3: an array without dimensions, a single number; a table needs rows");
    EXPECT_EQ(error(std::string("\0\0\x08\x03\0\0\0\x01", 8)),
              "data: t.idx: byte 8: cut off in the lengths of 3 dimensions");
    EXPECT_EQ(error(file(0x08, {0, 28}, "")), "data: t.idx: byte 4: dimension 1 has the length 0: the array is empty");
    EXPECT_EQ(error(file(0x08, {2, 2}, "123")),
              "data: t.idx: byte 12: the dimensions need 4 bytes, but 3 follow; fetch the file again");
    EXPECT_EQ(error(file(0x08, {4}, "12345")),
              "data: t.idx: byte 8: the dimensions need 4 bytes, but 5 follow; fetch the file again");
    EXPECT_EQ(error(file(0x0E, {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, "x")),
              "data: t.idx: byte 20: the dimensions need more than 2^64 bytes, but 1 follow; fetch the file again");
}

}  // namespace
}  // namespace handgrad
