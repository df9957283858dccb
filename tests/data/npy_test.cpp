// NPY files: every version, element type, byte order and layout, and the damaged and refused ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "handgrad/data/table.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

using ::testing::ElementsAre;

std::string file(const std::string& dictionary, const std::string& data, int version = 1) {
    std::string bytes = "\x93NUMPY";
    bytes += static_cast<char>(version);
    bytes += '\0';
    for (int i = 0; i < (version == 1 ? 2 : 4); ++i) {
        bytes += static_cast<char>((dictionary.size() + 1) >> (8 * i) & 255);
    }
    return bytes + dictionary + "\n" + data;
}

std::string dictionary(const std::string& descr, const std::string& shape, const std::string& fortran = "False") {
    return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

template <class T>
std::string bytes_of(std::initializer_list<T> values, bool big_endian = false) {
    std::string bytes;
    for (const T value : values) {
        std::string one(sizeof(T), '\0');
        std::memcpy(one.data(), &value, sizeof(T));
        if (big_endian != (std::endian::native == std::endian::big)) {
            std::reverse(one.begin(), one.end());
        }
        bytes += one;
    }
    return bytes;
}

std::string error(const std::string& bytes) {
    return raised([&] { read_npy(bytes, "x.npy"); });
}

TEST(Npy, RowsOfTwoColumnsInEveryVersion) {
    for (const int version : {1, 2, 3}) {
        const Table table =
            read_npy(file(dictionary("<f8", "(2, 2)"), bytes_of({1.5, -2.0, 3.0, 4.0}), version), "x.npy");
        EXPECT_EQ(table.rows, 2);
        ASSERT_EQ(table.columns.size(), 2);
        EXPECT_EQ(table.columns[0].name, "x1");
        EXPECT_EQ(table.columns[1].name, "x2");
        EXPECT_TRUE(table.columns[0].numeric());
        EXPECT_THAT(table.columns[0].numbers, ElementsAre(1.5, 3));
        EXPECT_THAT(table.columns[1].numbers, ElementsAre(-2, 4));
        EXPECT_EQ(table.place(1), "x.npy: row 1");
    }
}

TEST(Npy, FortranOrderLiesByColumns) {
    const Table table =
        read_npy(file(dictionary("<f8", "(2, 3)", "True"), bytes_of({1.0, 2.0, 3.0, 4.0, 5.0, 6.0})), "x.npy");
    EXPECT_THAT(table.columns[0].numbers, ElementsAre(1, 2));
    EXPECT_THAT(table.columns[2].numbers, ElementsAre(5, 6));
}

TEST(Npy, OneDimensionIsOneColumn) {
    const Table table = read_npy(file(dictionary("<f4", "(3,)"), bytes_of({1.0F, 2.0F, 0.5F})), "y.npy");
    ASSERT_EQ(table.columns.size(), 1);
    EXPECT_EQ(table.columns[0].name, "x1");
    EXPECT_THAT(table.columns[0].numbers, ElementsAre(1, 2, 0.5));
}

template <class T>
void expect_type(const std::string& name, T low, T high) {
    for (const bool big : {false, true}) {
        const std::string order = big ? ">" : "<";
        const std::string descr = (sizeof(T) == 1 ? "|" : order) + name;
        const Table table = read_npy(file(dictionary(descr, "(2,)"), bytes_of({low, high}, big)), "x.npy");
        EXPECT_THAT(table.columns[0].numbers, ElementsAre(static_cast<double>(low), static_cast<double>(high)))
            << descr;
    }
}

TEST(Npy, EveryElementTypeInBothByteOrders) {
    expect_type<std::int8_t>("i1", -128, 127);
    expect_type<std::int16_t>("i2", -32768, 258);
    expect_type<std::int32_t>("i4", -2147483647, 16909060);
    expect_type<std::int64_t>("i8", -(std::int64_t{1} << 40), 1);
    expect_type<std::uint8_t>("u1", 0, 255);
    expect_type<std::uint16_t>("u2", 1, 65535);
    expect_type<std::uint32_t>("u4", 1, 4294967295U);
    expect_type<std::uint64_t>("u8", 1, std::uint64_t{1} << 63U);
    expect_type<float>("f4", -1.5F, 3e38F);
    expect_type<double>("f8", -1.5, 1e308);
    expect_type<std::uint8_t>("b1", 0, 1);
}

TEST(Npy, HalfPrecisionNumbersAreExact) {
    // One, −2, the largest, the smallest subnormal, the smallest normal, −0, infinity, NaN.
    const std::string data = bytes_of<std::uint16_t>({0x3C00, 0xC000, 0x7BFF, 0x0001, 0x0400, 0x8000, 0x7C00, 0x7E00});
    const Column column = read_npy(file(dictionary("<f2", "(8,)"), data), "x.npy").columns[0];
    EXPECT_THAT(column.numbers, ElementsAre(1, -2, 65504, 0x1p-24, 0x1p-14, -0.0, HUGE_VAL, ::testing::IsNan()));
    EXPECT_TRUE(std::signbit(column.numbers[5]));
}

TEST(Npy, NanIsAMissingCell) {
    const Column column =
        read_npy(file(dictionary("<f8", "(3,)"), bytes_of({1.0, std::nan(""), std::nan("")})), "x.npy").columns[0];
    EXPECT_EQ(column.missing, 2);
    EXPECT_EQ(column.first_missing, 1);
}

TEST(Npy, TheDictionaryMayBeWrittenInAnyOrderAndStyle) {
    const Table table = read_npy(
        file("{\"shape\":(1,2),'fortran_order':False , \"descr\" : '<f8'}    ", bytes_of({1.0, 2.0})), "x.npy");
    EXPECT_EQ(table.columns.size(), 2);
}

TEST(Npy, WhatIsNotATableOfNumbersIsRefusedWithAdvice) {
    EXPECT_EQ(error(file(dictionary("|O", "(2,)"), "xxxxxxxxxxxxxxxx")),
              "data: x.npy: an array of Python objects, which cannot be read safely; save numbers: "
              "x.astype('float64')");
    EXPECT_EQ(error(file(dictionary("<U5", "(1,)"), std::string(20, 'x'))),
              "data: x.npy: an array of texts ('<U5'); save the table as CSV instead");
    EXPECT_EQ(error(file(dictionary("<c16", "(1,)"), std::string(16, 'x'))),
              "data: x.npy: numbers of the type '<c16' are not supported (known: f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1); "
              "save x.astype('float64')");
    EXPECT_EQ(error(file(dictionary("<ixy", "(1,)"), "x")),
              "data: x.npy: numbers of the type '<ixy' are not supported (known: f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1); "
              "save x.astype('float64')");
    EXPECT_EQ(error(file("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }", "xxxxxxxx")),
              "data: x.npy: a structured array; save one plain array of numbers");
    EXPECT_EQ(error(file(dictionary("<f8", "()"), "xxxxxxxx")),
              "data: x.npy: the array has the shape (), a single number; a table has the shape (rows,) or (rows, "
              "columns)");
    EXPECT_EQ(error(file(dictionary("<f8", "(0, 5)"), "")), "data: x.npy: the array has the shape (0, 5): it is empty");
    EXPECT_EQ(error(file(dictionary("<f8", "(5, 0)"), "")), "data: x.npy: the array has the shape (5, 0): it is empty");
    EXPECT_EQ(error(file(dictionary("|u1", "(2, 2, 2)"), "12345678")),
              "data: x.npy: the array has the shape (2, 2, 2); flatten each row: x.reshape(len(x), -1)");
}

TEST(Npy, SizesThatDoNotFitTheFileAreErrorsBeforeAnythingIsAllocated) {
    const std::string start = std::string("\x93NUMPY") + '\x02' + '\0';
    EXPECT_EQ(error(start + "\xF0\xFF\xFF\xFF"),
              "data: x.npy: byte 8: a header of 4294967280 bytes; at most 65536 are read");
    EXPECT_EQ(error(start + std::string("\x10\0\0\0{}", 6)),
              "data: x.npy: byte 8: a header of 16 bytes, but only 2 are there; write the file again");
    EXPECT_EQ(error(file(dictionary("<f8", "(3,)"), "12345678")),
              "data: x.npy: the shape (3,) of '<f8' needs 24 bytes, but 8 follow the header; write the file again");
    EXPECT_EQ(error(file(dictionary("<f8", "(1,)"), "123456789")),
              "data: x.npy: the shape (1,) of '<f8' needs 8 bytes, but 9 follow the header; write the file again");
    EXPECT_EQ(error(file(dictionary("<f8", "(4294967296, 4294967296)"), "12345678")),
              "data: x.npy: the shape (4294967296, 4294967296) of '<f8' needs more than 2^64 bytes, but 8 follow the "
              "header; write the file again");
    EXPECT_EQ(error(file(dictionary("<f8", "(99999999999999999999,)"), "")),
              "data: x.npy: byte 61: a damaged NPY header: a length of the shape is not a whole number that memory can "
              "hold");
}

TEST(Npy, DamagedHeadersAreErrorsWithTheirByte) {
    EXPECT_EQ(error("PK"), "data: x.npy: byte 0: not an NPY file");
    EXPECT_EQ(error("\x93NUMPY\x01"), "data: x.npy: cut off in its first 12 bytes; write the file again");
    EXPECT_EQ(error(file(dictionary("<f8", "(1,)"), "12345678", 4)),
              "data: x.npy: byte 6: NPY version 4 is unknown (known: 1, 2, 3)");
    EXPECT_EQ(error(file("{'descr': '<f8', 'shape': (1,)}", "12345678")),
              "data: x.npy: byte 42: a damaged NPY header: one of descr, fortran_order and shape is not there");
    EXPECT_EQ(error(file("{'descr': '<f8', 'descr': '<f8'}", "")),
              "data: x.npy: byte 35: a damaged NPY header: the key 'descr' is unknown or there twice");
    EXPECT_EQ(error(file("{'descr': '<f8', 'fortran_order': 0}", "")),
              "data: x.npy: byte 44: a damaged NPY header: True or False expected");
    EXPECT_EQ(error(file("{'descr': '<f8", "")), "data: x.npy: byte 20: a damaged NPY header: a string expected");
    EXPECT_EQ(error(file("{'shape': (-1,)}", "")),
              "data: x.npy: byte 21: a damaged NPY header: a length of the shape is not a whole number that memory can "
              "hold");
}

RC_GTEST_PROP(Npy, AnyDamageIsAnErrorOrAnotherTable, ()) {
    std::string bytes = file(dictionary("<f4", "(2, 2)"), bytes_of({1.0F, 2.0F, 3.0F, 4.0F}));
    bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size() + 1));
    if (!bytes.empty()) {
        bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
    }
    const std::string outcome = error(bytes);
    RC_ASSERT(outcome == "nothing" || outcome.starts_with("data: x.npy: "));
}

TEST(Npy, EveryKeyStandsOnceAndEveryTypeHasItsByteOrder) {
    EXPECT_THAT(error(file("{'fortran_order': True, 'fortran_order': True}", "")),
                ::testing::HasSubstr("the key 'fortran_order' is unknown or there twice"));
    EXPECT_THAT(error(file("{'shape': (1,), 'shape': (1,)}", "")),
                ::testing::HasSubstr("the key 'shape' is unknown or there twice"));
    EXPECT_THAT(error(file("{'descr': '<f8', 'fortran_order': False}", "12345678")),
                ::testing::HasSubstr("one of descr, fortran_order and shape is not there"));
    EXPECT_THAT(error(file("{'shape': (1,), 'descr': '<f8'}", "12345678")),
                ::testing::HasSubstr("one of descr, fortran_order and shape is not there"));
    for (const std::string none : {"", "f8", "|f8", "!f8", "<f3", "|"}) {
        EXPECT_THAT(error(file(dictionary(none, "(1,)"), "12345678")), ::testing::HasSubstr("are not supported"))
            << none;
    }
    for (const std::string text : {"<U1", "|S8"}) {
        EXPECT_THAT(error(file(dictionary(text, "(1,)"), "12345678")), ::testing::HasSubstr("an array of texts"))
            << text;
    }
    EXPECT_EQ(error(file(dictionary("|u1", "(1, 1)"), "1")), "nothing");
}

}  // namespace
}  // namespace handgrad
