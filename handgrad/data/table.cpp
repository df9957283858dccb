// Tables from files: which reader serves which file, and how rows and columns are found and named in messages.
#include "handgrad/data/table.hpp"

#include <algorithm>

#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/data/binary_table.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/column_checks.hpp"
#include "handgrad/data/table_form.hpp"

namespace handgrad {
namespace {

enum class Format { text, npy, idx };

constexpr std::string_view npy_magic = "\x93NUMPY";
constexpr std::string_view gzip_magic = "\x1F\x8B";

/// What pandas reads a file with that begins so.
std::string reader_of(std::string_view magic) {
    if (magic == "PK\x03\x04") {  // a zipped folder, as Excel's files are
        return "read_excel";
    }
    if (magic == "ARROW1") {
        return "read_feather";
    }
    if (magic == "\x89HDF") {
        return "read_hdf";
    }
    return "read_parquet";
}

/// By the name (without .gz); by the first bytes where the name says nothing.
Format format_of(const std::string& name, std::string_view bytes, const std::string& source) {
    if (name.ends_with(".csv") || name.ends_with(".tsv") || name.ends_with(".txt")) {
        return Format::text;
    }
    if (name.ends_with(".npy") || bytes.starts_with(npy_magic)) {
        return Format::npy;
    }
    constexpr std::string_view idx_magic{"\0\0", 2};
    if (name.ends_with(".idx") || name.ends_with("-ubyte") || bytes.starts_with(idx_magic)) {
        return Format::idx;
    }
    constexpr std::string_view others[] = {"PAR1", "PK\x03\x04", "\x89HDF", "ARROW1", "%PDF", "BZh", "\xFD\x37zXZ"};
    for (const std::string_view magic : others) {
        if (bytes.starts_with(magic)) {
            throw Error(ErrorKind::data,
                        source +
                            ": byte 0: not a table that can be read (known: CSV or TSV text, NPY, IDX, "
                            "each also as .gz); pandas reads many others: python3 -c \"import pandas; pandas." +
                            reader_of(magic) + "('" + source + "').to_csv('table.csv', index=False)\"");
        }
    }
    return Format::text;
}

/// Raises for the first bytes of a file what reading all of it would raise, as far as they tell.
void judge(std::string_view first, const std::string& name, const std::string& source) {
    if (first.starts_with(gzip_magic)) {
        return;
    }
    switch (format_of(name, first, source)) {
        case Format::npy:
            judge_npy(first, source);
            return;
        case Format::idx:
            judge_idx(first, source);
            return;
        case Format::text:
            break;
    }
    const bool utf16 = first.starts_with("\xFF\xFE") || first.starts_with("\xFE\xFF");
    if (utf16) {
        return;
    }
    std::string converted;
    std::vector<std::string> remarks;
    static_cast<void>(utf8_text(first, source, converted, remarks));  // raises for UTF-16 that does not say so
    const std::size_t zero = first.find('\0');
    constexpr std::ptrdiff_t hopeless = 4;  // a single zero byte in a text is told with its line
    if (first.size() == judged_bytes && std::ranges::count(first, '\0') >= hopeless) {
        throw Error(ErrorKind::data, source + ": byte " + std::to_string(zero) +
                                         ": a zero byte, which no text has; this is no table in a form that can be "
                                         "read");
    }
}

}  // namespace

std::string Table::place(std::size_t row) const {
    return lines.empty() ? source + ": row " + std::to_string(row) : source + ":" + std::to_string(lines[row]);
}

const Column* Table::find(std::string_view name) const {
    for (const Column& column : columns) {
        if (column.name == name) {
            return &column;
        }
    }
    return nullptr;
}

const Column& Table::column(std::string_view name) const {
    if (const Column* found = find(name)) {
        return *found;
    }
    std::vector<std::string> names;
    for (const Column& column : columns) {
        names.push_back(column.name);
    }
    throw Error(ErrorKind::data, source + ": there is no column " + in_quotes(name) + did_you_mean(name, names) +
                                     "; the columns are " + listed(names));
}

Table select_rows(const Table& table, std::span<const std::size_t> rows) {
    Table selected{.source = table.source,
                   .rows = rows.size(),
                   .decimal = table.decimal,
                   .dates = table.dates,
                   .notices = table.notices,
                   .warnings = table.warnings};
    const auto take = [&](const auto& values, auto& into) {
        for (std::size_t i = 0; i < rows.size() && !values.empty(); ++i) {
            into.push_back(values[rows[i]]);
        }
    };
    take(table.lines, selected.lines);
    for (const KeptCells& kept : table.kept) {
        take(kept.cells, selected.kept.emplace_back(KeptCells{kept.name}).cells);
    }
    for (const Column& column : table.columns) {
        Column& part = selected.columns.emplace_back();
        part.name = column.name;
        part.has_numbers = column.has_numbers;
        part.has_texts = column.has_texts;
        part.texts = column.texts;
        take(column.numbers, part.numbers);
        take(column.codes, part.codes);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const auto at = [&](const auto& noted) { return noted && noted->row == rows[i]; };
            if (at(column.number_like)) {
                part.number_like = column.number_like;
                part.number_like->row = i;
            }
            if (at(column.other_unit)) {
                part.other_unit = column.other_unit;
                part.other_unit->row = i;
            }
            const bool odd = column.odd && column.odd->row == rows[i];
            if (odd) {
                part.odd = column.odd;
                part.odd->row = i;
            }
            const bool missing = !odd && is_missing(part, i);
            if (missing && part.missing++ == 0) {
                part.first_missing = i;
            }
        }
    }
    return selected;
}

Table read_table(const std::filesystem::path& path, const ReadOptions& options) {
    const std::string source = path.string();
    std::string name = source;
    std::string bytes = read_file(path, [&](std::string_view first) { judge(first, name, source); });
    if (bytes.starts_with(gzip_magic)) {
        bytes = gunzip(bytes, source);
        if (name.ends_with(".gz")) {
            name.resize(name.size() - 3);
        }
    }
    switch (format_of(name, bytes, source)) {
        case Format::npy:
            return read_npy(bytes, source);
        case Format::idx:
            return read_idx(bytes, source);
        case Format::text:
            break;
    }
    return read_csv(bytes, source, options);
}

}  // namespace handgrad
