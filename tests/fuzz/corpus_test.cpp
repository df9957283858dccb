// The corpus of every reader, replayed: seeds, and every input that was ever found to break something.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "handgrad/base/atomic_file.hpp"
#include "tests/fuzz/readers.hpp"

namespace handgrad::fuzz {
namespace {

const std::filesystem::path folder = HANDGRAD_FUZZ_FOLDER;

std::vector<std::filesystem::path> inputs(const Reader& reader) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "corpus" / reader.name)) {
        files.push_back(entry.path());
    }
    std::ranges::sort(files);
    return files;
}

class Corpus : public testing::TestWithParam<Reader> {};

TEST_P(Corpus, IsReadWithoutAFaultAndWithinItsMemory) {
    std::size_t accepted = 0, refused = 0;
    for (const std::filesystem::path& file : inputs(GetParam())) {
        SCOPED_TRACE(file.filename());
        EXPECT_NO_THROW(++(feed(GetParam(), read_file(file)) ? accepted : refused));
    }
    EXPECT_GT(accepted, 0U);  // else the fuzzer never got behind the first check …
    EXPECT_GT(refused, 0U);   // … or the reader takes anything
}

/// A seed cut off, or with one byte changed: what the fuzzer does first, for those who have none.
TEST_P(Corpus, CutOffOrWithAByteChangedItIsReadWithoutAFaultToo) {
    constexpr std::size_t places = 40;
    for (const std::filesystem::path& file : inputs(GetParam())) {
        const std::string bytes = read_file(file);
        const std::size_t step = std::max<std::size_t>(1, bytes.size() / places);
        for (std::size_t i = 0; i < bytes.size(); i += step) {
            SCOPED_TRACE(file.filename().string() + ", byte " + std::to_string(i));
            EXPECT_NO_THROW(feed(GetParam(), bytes.substr(0, i)));
            std::string changed = bytes;
            changed[i] = static_cast<char>(changed[i] ^ (1 << (i % 8)));
            EXPECT_NO_THROW(feed(GetParam(), changed));
        }
    }
}

TEST_P(Corpus, TheFuzzerHasWordsForIt) {
    EXPECT_TRUE(std::filesystem::is_regular_file(folder / "dictionaries" / (std::string(GetParam().name) + ".dict")));
}

INSTANTIATE_TEST_SUITE_P(Of, Corpus, testing::ValuesIn(readers().begin(), readers().end()),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(Corpus, HasNoFolderWithoutAReader) {
    for (const auto& entry : std::filesystem::directory_iterator(folder / "corpus")) {
        EXPECT_NE(find_reader(entry.path().filename().string()), nullptr) << entry.path();
    }
}

}  // namespace
}  // namespace handgrad::fuzz
