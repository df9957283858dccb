// Tables from files: which reader serves which name and content, and how rows and columns are found.
#include "handgrad/data/table.hpp"

#include <gtest/gtest.h>

#include <array>

#include <filesystem>
#include <fstream>

#include "tests/support/folder.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

class Tables : public InItsFolder {};

std::string error(const std::filesystem::path& path) {
    return raised([&] { read_table(path); });
}

const std::string npy = std::string("\x93NUMPY\x01\0\x3B\0", 10) +
                        "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 3), }\x01\x02\x03";
const std::string idx("\0\0\x08\x01\0\0\0\2\x07\x09", 10);
// Made by Python: gzip.compress(b'a\tb\n1\t2\n', mtime=0).
const std::string tsv_gz(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\xe4\x4c\xe2\x32\xe4\x34\xe2\x02\x00\x4b\x95\x94\xa9"
    "\x08\x00\x00\x00",
    28);

TEST_F(Tables, TheNameChoosesTheReader) {
    EXPECT_EQ(read_table(write("t.csv", "a,b\n1,2\n")).columns.size(), 2);
    EXPECT_EQ(read_table(write("t.tsv", "a\tb\n1\t2\n")).columns.size(), 2);
    EXPECT_EQ(read_table(write("t.txt", "a\tb\n1\t2\n")).columns.size(), 2);
    EXPECT_EQ(read_table(write("t.npy", npy)).columns.size(), 3);
    EXPECT_EQ(read_table(write("t.idx", idx)).rows, 2);
    EXPECT_EQ(read_table(write("t10k-labels-idx1-ubyte", idx)).rows, 2);
    EXPECT_EQ(read_table(write("t.tsv.gz", tsv_gz)).columns.size(), 2);
}

TEST_F(Tables, TheFirstBytesChooseWhereTheNameSaysNothing) {
    EXPECT_EQ(read_table(write("array", npy)).columns.size(), 3);
    EXPECT_EQ(read_table(write("labels.bin", idx)).rows, 2);
    EXPECT_EQ(read_table(write("t.data", "a,b\n1,2\n")).columns.size(), 2);
    EXPECT_EQ(read_table(write("packed.tsv", tsv_gz)).columns.size(), 2);  // packed in spite of its name
    EXPECT_EQ(read_table(write("plain.csv.gz", "a,b\n1,2\n")).columns.size(), 2);
}

TEST_F(Tables, AFileOfAnotherKindIsRefusedByWhatItsNamePromises) {
    const auto path = write("t.npy", "a,b\n1,2\n");
    EXPECT_EQ(error(path), "data: " + path.string() + ": byte 0: not an NPY file");
    const auto parquet = write("t.parquet", "PAR1....");
    EXPECT_EQ(error(parquet),
              "data: " + parquet.string() +
                  ": byte 0: not a table that can be read (known: CSV or TSV text, NPY, IDX, each also "
                  "as .gz); pandas reads many others: python3 -c \"import pandas; pandas.read_parquet('" +
                  parquet.string() + "').to_csv('table.csv', index=False)\"");
    const auto excel = write("t.xlsx", "PK\x03\x04....");
    EXPECT_THAT(error(excel), testing::HasSubstr("pandas.read_excel('" + excel.string() + "')"));
}

TEST_F(Tables, AFileThatIsNotThereIsAnErrorOfInputAndOutput) {
    EXPECT_EQ(error("no/such.csv").substr(0, 16), "io: no/such.csv:");
}

TEST(Table, SomeRowsOfItKeepTheirPlacesAndWhatIsOddOrMissing) {
    const Table table = read_csv("n,word,mixed\n1,a,1\n,b,x\n3,,2\n4,a,3\n", "t.csv", {.text_columns = {"word"}});
    const Table part = select_rows(table, std::array<std::size_t, 3>{3, 2, 1});
    EXPECT_EQ(part.rows, 3U);
    EXPECT_EQ(part.place(0), "t.csv:5");
    EXPECT_EQ(part.place(1), "t.csv:4");
    const Column& n = part.column("n");
    EXPECT_EQ(n.numbers[0], 4.0);
    EXPECT_EQ(n.missing, 1U);
    EXPECT_EQ(n.first_missing, 2U);
    const Column& word = part.column("word");
    EXPECT_EQ(word.texts[word.codes[0]], "a");
    EXPECT_EQ(word.texts[word.codes[2]], "b");
    EXPECT_EQ(word.missing, 1U);
    EXPECT_EQ(word.first_missing, 1U);
    ASSERT_TRUE(part.column("mixed").odd);
    EXPECT_EQ(part.column("mixed").odd->row, 2U);
    EXPECT_EQ(part.column("mixed").missing, 0U);
    EXPECT_FALSE(select_rows(table, std::array<std::size_t, 1>{0}).column("mixed").odd);
    EXPECT_EQ(select_rows(table, {}).rows, 0U);
}

TEST(Table, AColumnThatIsNotThereIsAnErrorThatNamesTheNearest) {
    const Table table = read_csv("age,bmi\n1,2\n", "t.csv", {});
    EXPECT_EQ(&table.column("bmi"), &table.columns[1]);
    EXPECT_EQ(table.find("aeg"), nullptr);
    EXPECT_EQ(raised([&] { static_cast<void>(table.column("aeg")); }),
              "data: t.csv: there is no column 'aeg' (did you mean 'age'?); the columns are 'age', 'bmi'");
}

TEST(Table, OfManyColumnsTheFirstFewAreListed) {
    const Table table = read_csv("a,b,c,d,e,f,g,h,i,j\n1,2,3,4,5,6,7,8,9,0\n", "t.csv", {});
    EXPECT_EQ(raised([&] { static_cast<void>(table.column("target")); }),
              "data: t.csv: there is no column 'target'; the columns are 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h' and 2 "
              "more");
}

}  // namespace
}  // namespace handgrad
