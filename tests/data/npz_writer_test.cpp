// Archives that are written: read back by our own reader, also in the form for more than 4 GiB; texts as NumPy has
// them. (NumPy itself reads them in tests/cli/test_encode.py.)
#include "handgrad/data/npz_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

#include "handgrad/data/npz.hpp"
#include "handgrad/data/zip.hpp"

namespace handgrad {
namespace {

using testing::ElementsAre;

TEST(NpzWriter, NumbersReadBackBitByBit) {
    Matrix<float> x(2, 3);
    for (std::size_t i = 0; i < 6; ++i) {
        x(i / 3, i % 3) = 0.1F * static_cast<float>(i) - 0.25F;
    }
    const std::vector<double> w{1.0 / 3.0, -0.0};
    const std::string bytes = npz_bytes({npy_array("x", x), npy_array("w", std::span<const double>(w))});
    const std::vector<NamedArray> arrays = read_npz(bytes, "a.npz");
    ASSERT_EQ(arrays.size(), 2U);
    EXPECT_EQ(arrays[0].name, "x");
    EXPECT_THAT(arrays[0].shape, ElementsAre(2, 3));
    EXPECT_EQ(arrays[0].digits, 24);
    for (std::size_t i = 0; i < 6; ++i) {
        EXPECT_EQ(arrays[0].values[i], x(i / 3, i % 3));
    }
    EXPECT_THAT(arrays[1].shape, ElementsAre(2));
    EXPECT_EQ(arrays[1].digits, 53);
    EXPECT_EQ(arrays[1].values, w);
    EXPECT_EQ(npz_bytes({npy_array("x", x)}), npz_bytes({npy_array("x", x)}));
}

TEST(NpzWriter, TextsAreCodePointsPaddedToTheLongest) {
    const NpyArray array = npy_array("names", {std::string("aé"), "日\xf0\x9f\x98\x80z", "", "\xff"});
    EXPECT_EQ(array.descr, "<U3");
    const std::u32string expected(U"aé\0日😀z\0\0\0\xFFFD\0\0", 12);
    ASSERT_EQ(array.bytes.size(), 4 * expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        std::uint32_t point = 0;
        std::memcpy(&point, array.bytes.data() + 4 * i, 4);
        EXPECT_EQ(point, expected[i]) << i;
    }
    EXPECT_EQ(npy_array("names", std::vector<std::string>{}).descr, "<U1");
}

TEST(ZipWriter, FilesReadBackAlsoInTheFormForLargeArchives) {
    const std::vector<ZipFile> files{{"a.npy", "12345678"}, {"empty", ""}, {"b.npy", std::string(300, 'x')}};
    for (const std::size_t wide_from : {std::size_t{0xFFFFFFFF}, std::size_t{8}, std::size_t{0}}) {
        const std::string archive = zip_bytes(files, wide_from);
        const std::vector<ZipEntry> entries = zip_entries(archive, "a.zip");
        ASSERT_EQ(entries.size(), files.size()) << wide_from;
        for (std::size_t i = 0; i < files.size(); ++i) {
            EXPECT_EQ(entries[i].name, files[i].name);
            EXPECT_EQ(unzip(entries[i], "a.zip"), files[i].content);
        }
    }
}

}  // namespace
}  // namespace handgrad
