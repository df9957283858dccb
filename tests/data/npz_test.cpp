// NPZ archives: what NumPy writes, read right, and what a stranger might send, refused with its cause.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <string>
#include <vector>

#include "handgrad/base/limits.hpp"
#include "handgrad/data/npz.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string number(std::size_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) {
        text += static_cast<char>(value >> (8 * i) & 255U);
    }
    return text;
}

std::string npy(const std::string& descr, const std::string& shape, const std::string& data,
                const std::string& fortran = "False") {
    const std::string header =
        "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
    return "\x93NUMPY" + std::string("\x01\x00", 2) + number(header.size(), 2) + header + data;
}

std::string doubles(std::initializer_list<double> values) {
    std::string bytes;
    for (const double value : values) {
        std::string one(sizeof value, '\0');
        std::memcpy(one.data(), &value, sizeof value);
        bytes += one;
    }
    return bytes;
}

std::string deflated(const std::string& data) {
    z_stream stream{};
    deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, data.size()), '\0');
    std::string in = data;
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

/// One file of an archive, each field of which can be made to lie.
struct Entry {
    std::string name;
    std::string content;
    bool deflate = false;
    bool zip64 = false;
    bool descriptor = false;
    std::size_t flags = 0;
    std::size_t method = 99;    ///< 99: as `deflate` says
    std::size_t size = 0;       ///< 0: as it is
    std::size_t wrong_crc = 0;  ///< added to the checksum
    std::string local_name{};   ///< empty: the same
};

std::string archive(const std::vector<Entry>& entries, std::size_t shift_start = 0, const std::string& comment = "") {
    std::string file, directory;
    for (const Entry& e : entries) {
        const std::string packed = e.deflate ? deflated(e.content) : e.content;
        const std::size_t size = e.size == 0 ? e.content.size() : e.size;
        const std::size_t crc =
            crc32(0, reinterpret_cast<const Bytef*>(e.content.data()), static_cast<uInt>(e.content.size())) +
            e.wrong_crc;
        const std::size_t true_method = e.deflate ? 8 : 0;
        const std::string method = number(e.method == 99 ? true_method : e.method, 2);
        const std::string flags = number(e.flags | (e.descriptor ? 8U : 0U), 2);
        const std::string zip64 = number(1, 2) + number(16, 2) + number(size, 8) + number(packed.size(), 8);
        const std::string sizes =
            e.zip64 ? number(0xFFFFFFFF, 4) + number(0xFFFFFFFF, 4) : number(packed.size(), 4) + number(size, 4);
        const std::string none = number(0, 8);
        const std::string local = e.local_name.empty() ? e.name : e.local_name;
        const std::string extra = e.zip64 ? zip64 : "";
        const std::size_t offset = file.size();
        file += "PK\x03\x04" + number(20, 2) + flags + method + number(0, 4) +
                (e.descriptor ? number(0, 4) + none : number(crc, 4) + sizes) + number(local.size(), 2) +
                number(e.descriptor ? 0 : extra.size(), 2) + local + (e.descriptor ? "" : extra) + packed;
        if (e.descriptor) {
            file += "PK\x07\x08" + number(crc, 4) + number(packed.size(), 4) + number(size, 4);
        }
        directory += "PK\x01\x02" + number(20, 2) + number(20, 2) + flags + method + number(0, 4) + number(crc, 4) +
                     sizes + number(e.name.size(), 2) + number(extra.size(), 2) + number(0, 2) + number(0, 8) +
                     number(offset, 4) + e.name + extra;
    }
    return file + directory + "PK\x05\x06" + number(0, 4) + number(entries.size(), 2) + number(entries.size(), 2) +
           number(directory.size(), 4) + number(file.size() + shift_start, 4) + number(comment.size(), 2) + comment;
}

std::string small() { return npy("<f8", "(2,)", doubles({1.5, -2.0})); }

std::string error(const std::string& bytes) {
    return raised([&] { read_npz(bytes, "g.npz"); });
}

TEST(Npz, ArraysByNameStoredDeflatedWithZip64AndWithDescriptors) {
    const std::vector<NamedArray> arrays =
        read_npz(archive({{"a.npy", small()},
                          {.name = "b.w.npy", .content = small(), .deflate = true},
                          {.name = "c.npy", .content = small(), .zip64 = true},
                          {.name = "d.npy", .content = small(), .deflate = true, .descriptor = true}},
                         0, "a comment"),
                 "g.npz");
    ASSERT_EQ(arrays.size(), 4);
    EXPECT_EQ(arrays[1].name, "b.w");
    for (const NamedArray& array : arrays) {
        EXPECT_THAT(array.values, ElementsAre(1.5, -2.0));
        EXPECT_THAT(array.shape, ElementsAre(2));
        EXPECT_EQ(array.digits, 53);
    }
}

TEST(Npz, FortranOrderBigEndianFloatsSingleNumbersAndNone) {
    const std::string bytes = archive({{"f.npy", npy("<f8", "(2, 3)", doubles({1, 4, 2, 5, 3, 6}), "True")},
                                       {"b.npy", npy(">f4", "(1,)", std::string("\x3f\xc0\x00\x00", 4))},
                                       {"s.npy", npy("<f8", "()", doubles({7}))},
                                       {"e.npy", npy("<f8", "(0, 5)", "")},
                                       {"c.npy", npy("<f8", "(1, 2, 2)", doubles({1, 3, 2, 4}), "True")}});
    const std::vector<NamedArray> arrays = read_npz(bytes, "g.npz");
    EXPECT_THAT(arrays[0].values, ElementsAre(1, 2, 3, 4, 5, 6));
    EXPECT_THAT(arrays[1].values, ElementsAre(1.5));
    EXPECT_EQ(arrays[1].digits, 24);
    EXPECT_TRUE(arrays[2].shape.empty());
    EXPECT_THAT(arrays[2].values, ElementsAre(7));
    EXPECT_TRUE(arrays[3].values.empty());
    EXPECT_THAT(arrays[4].values, ElementsAre(1, 2, 3, 4));
}

TEST(Npz, AnEmptyArchiveHasNoArrays) { EXPECT_TRUE(read_npz(archive({}), "g.npz").empty()); }

TEST(Npz, ABombIsRefusedBeforeMemoryIsTaken) {
    EXPECT_THAT(error(archive({{.name = "a.npy", .content = small(), .deflate = true, .size = 0xF0000000}})),
                HasSubstr("declares 4026531840 bytes, packed in"));
    EXPECT_THAT(error(archive({{.name = "a.npy", .content = small(), .size = 1000}})),
                HasSubstr("declares 1000 bytes"));
}

TEST(Npz, DataThatUnpacksToMoreOrLessThanDeclaredIsRefused) {
    for (const std::size_t size : {small().size() - 1, small().size() + 1, std::size_t{1}}) {
        EXPECT_THAT(error(archive({{.name = "a.npy", .content = small(), .deflate = true, .size = size}})),
                    HasSubstr("does not unpack to the " + std::to_string(size) + " bytes"));
    }
}

TEST(Npz, NamesAreOnlyNamesAndAreThereOnce) {
    const std::vector<std::string> names{"../x", "/etc/x", "a\\x", "dL/dW1", "dense/kernel:0", "∂L/∂W1"};
    std::vector<Entry> entries{{"dL/", ""}};  // a folder of those who pack by hand
    for (const std::string& name : names) {
        entries.push_back({name + ".npy", small()});
    }
    std::vector<std::string> read;
    for (const NamedArray& array : read_npz(archive(entries), "g.npz")) {
        read.push_back(array.name);
    }
    EXPECT_EQ(read, names);
    EXPECT_THAT(error(archive({{std::string("a\0.npy", 6), small()}})), HasSubstr("is no name of an array"));
    EXPECT_THAT(error(archive({{"a/b.npy", small()}, {"a/b.npy", small()}})), HasSubstr("'a/b.npy' is there twice"));
    EXPECT_THAT(error(archive({{"a.npy", small()}, {"a.npy", small()}})), HasSubstr("'a.npy' is there twice"));
    EXPECT_THAT(error(archive({{"a.txt", small()}})), HasSubstr("'a.txt' is not an .npy array"));
    EXPECT_THAT(error(archive({{std::string(1025, 'a'), small()}})), HasSubstr("damaged"));
}

TEST(Npz, WhatIsNotPlainlyPackedIsRefused) {
    EXPECT_THAT(error(archive({{.name = "a.npy", .content = small(), .flags = 1}})), HasSubstr("'a.npy' is encrypted"));
    EXPECT_THAT(error(archive({{.name = "a.npy", .content = small(), .method = 12}})), HasSubstr("by method 12"));
    EXPECT_THAT(error(archive({{.name = "a.npy", .content = small(), .wrong_crc = 1}})),
                HasSubstr("'a.npy': the checksum is wrong"));
    EXPECT_THAT(error(archive({{.name = "a.npy", .content = small(), .local_name = "b.npy"}})),
                HasSubstr("another name or method here"));
    EXPECT_THAT(error(archive({{"a.npy", npy("|O", "(1,)", "")}})), HasSubstr("g.npz: a: an array of Python objects"));
    EXPECT_THAT(error(archive({{"a.npy", npy("<f8", "(4294967296, 4294967296)", "")}})), HasSubstr("more than 2^64"));
}

TEST(Npz, WhatIsNoArrayOfNumbersMayBeKeptWithItsProblem) {
    const std::vector<NamedArray> arrays = read_npz(
        archive({{"names.npy", npy("<U1", "(1,)", number('x', 4))}, {"a.npy", small()}}), "g", Unreadable::kept);
    EXPECT_THAT(arrays[0].problem, HasSubstr("g: names: an array of texts"));
    EXPECT_EQ(arrays[0].name, "names");
    EXPECT_EQ(arrays[1].problem, "");
}

TEST(Npz, ADirectoryThatIsElsewhereOrInPartsIsRefused) {
    EXPECT_THAT(error(archive({{"a.npy", small()}}, 1)), HasSubstr("not where it should be"));
    EXPECT_THAT(error("PK"), HasSubstr("the directory that ends a ZIP archive is not there"));
    std::string parts = archive({{"a.npy", small()}});
    parts[parts.size() - 18] = 1;
    EXPECT_THAT(error(parts), HasSubstr("in several parts"));
}

TEST(Npz, TwoEntriesMayNotShareBytes) {
    std::string bytes = archive({{"a.npy", small()}, {"a.npy", small()}});
    const std::size_t second = bytes.rfind("PK\x01\x02");
    bytes.replace(second + 42, 4, number(0, 4));  // the second entry is the first one's data
    EXPECT_THAT(error(bytes), HasSubstr("overlap"));
}

/// Cut anywhere, or with any byte changed: an error or the same arrays, never a crash, never other numbers.
TEST(Npz, DamageAnywhereIsFoundOrHarmless) {
    const std::string whole = archive({{"a.npy", small()}, {.name = "b.npy", .content = small(), .deflate = true}});
    for (std::size_t i = 0; i < whole.size(); ++i) {
        EXPECT_NE(error(whole.substr(0, i)), "nothing") << i;
        for (const int flip : {1, 128, 255}) {
            std::string damaged = whole;
            damaged[i] = static_cast<char>(damaged[i] ^ flip);
            const std::string problem = raised([&] {
                for (const NamedArray& array : read_npz(damaged, "g.npz")) {
                    EXPECT_THAT(array.values, ElementsAre(1.5, -2.0)) << i;
                }
            });
            EXPECT_TRUE(problem == "nothing" || problem.starts_with("data: g.npz: ")) << problem;
        }
    }
}

/// The record that ends an archive, behind `before`.
std::string ended(const std::string& before, std::size_t entries, std::size_t size, std::size_t start) {
    return before + "PK\x05\x06" + number(0, 4) + number(entries, 2) + number(entries, 2) + number(size, 4) +
           number(start, 4) + number(0, 2);
}

TEST(Npz, DirectoriesThatLieAreRefused) {
    EXPECT_THAT(error(ended("", 0, 0, 0) + std::string(70'000, '\0')),
                HasSubstr("directory that ends a ZIP archive is not there"));
    EXPECT_THAT(error(ended("", 0xFFFF, 0, 0)), HasSubstr("byte 0: a damaged ZIP archive"));
    EXPECT_THAT(error(ended("", 0, 0xFFFFFFFF, 0)), HasSubstr("byte 0: a damaged ZIP archive"));
    EXPECT_THAT(error(ended("", 0, 0, 0xFFFFFFFF)), HasSubstr("byte 0: a damaged ZIP archive"));
    EXPECT_THAT(error(ended("12345678901234567890", 0xFFFF, 0, 0)), HasSubstr("byte 0: "));
    const std::string bytes = archive({{"a.npy", small()}});
    std::string longer = bytes;
    longer[bytes.size() - 14] = 0;  // fewer entries than the directory has room for
    longer[bytes.size() - 12] = 0;
    EXPECT_THAT(error(longer), HasSubstr("has another length than it says"));
}

/// With the record of ZIP64, which has room for more entries than are read.
TEST(Npz, MoreArraysThanAnArchiveMayHaveAreRefused) {
    const std::size_t many = limits::npz_entries + 1;
    const std::string record = "PK\x06\x06" + number(44, 8) + number(0, 4) + number(0, 8) + number(many, 8) +
                               number(many, 8) + number(0, 8) + number(0, 8);
    const std::string locator = "PK\x06\x07" + number(0, 4) + number(0, 8) + number(1, 4);
    EXPECT_THAT(error(ended(record + locator, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)),
                HasSubstr("an archive of 65537 files; at most 65536 are read"));
}

TEST(Npz, WhatFollowsPackedDataIsDamage) {
    const std::string packed = deflated(small()) + "more";
    std::string bytes = archive({{.name = "a.npy", .content = packed, .method = 8, .size = small().size()}});
    EXPECT_THAT(error(bytes), HasSubstr("does not unpack to the"));
}

TEST(Npz, AFolderIsPassedOverUnlessItHasBytes) {
    EXPECT_TRUE(read_npz(archive({{"folder/", ""}}), "g.npz").empty());
    EXPECT_THAT(error(archive({{"folder/", "x"}})), HasSubstr("is not an .npy array"));
}

}  // namespace
}  // namespace handgrad
