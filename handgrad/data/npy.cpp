// NumPy's .npy files, versions 1 to 3: a Python dictionary as the header, then the array.
#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/data/binary_table.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/npy_array.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad {
namespace {

[[noreturn]] void fail(const std::string& source, const std::string& cause) {
    throw Error(ErrorKind::data, source + ": " + cause);
}

/// What the header's dictionary says; each key must be there once.
struct Header {
    std::optional<std::string> descr;
    std::optional<bool> fortran_order;
    std::optional<std::vector<std::size_t>> shape;
};

/// Reads the little Python that NumPy writes: {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
public:
    HeaderParser(std::string_view text, std::size_t offset, const std::string& source)
        : text_(text), offset_(offset), source_(source) {}

    Header parse() {
        Header header;
        expect('{');
        while (!accept('}')) {
            const std::string key = string();
            expect(':');
            if (key == "descr" && !header.descr) {
                if (peek() == '[') {
                    fail(source_, "a structured array; save one plain array of numbers");
                }
                header.descr = string();
            } else if (key == "fortran_order" && !header.fortran_order) {
                header.fortran_order = boolean();
            } else if (key == "shape" && !header.shape) {
                header.shape = tuple();
            } else {
                fail_here("the key " + in_quotes(key) + " is unknown or there twice");
            }
            if (!accept(',')) {
                expect('}');
                break;
            }
        }
        skip_blanks();
        if (at_ != text_.size()) {
            fail_here("text behind the dictionary");
        }
        if (!header.descr || !header.fortran_order || !header.shape) {
            fail_here("one of descr, fortran_order and shape is not there");
        }
        return header;
    }

private:
    [[noreturn]] void fail_here(const std::string& cause) const {
        fail(source_, "byte " + std::to_string(offset_ + at_) + ": a damaged NPY header: " + cause);
    }

    void skip_blanks() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) {
            ++at_;
        }
    }

    char peek() {
        skip_blanks();
        return at_ < text_.size() ? text_[at_] : '\0';
    }

    bool accept(char c) {
        if (peek() != c) {
            return false;
        }
        ++at_;
        return true;
    }

    bool accept_word(std::string_view word) {
        if (!text_.substr(at_).starts_with(word)) {
            return false;
        }
        at_ += word.size();
        return true;
    }

    void expect(char c) {
        if (!accept(c)) {
            fail_here(in_quotes({&c, 1}) + " expected");
        }
    }

    std::string string() {
        const char quote = peek();
        const std::size_t end = text_.find(quote, at_ + 1);
        if ((quote != '\'' && quote != '"') || end == std::string_view::npos) {
            fail_here("a string expected");
        }
        const std::string_view value = text_.substr(at_ + 1, end - at_ - 1);
        at_ = end + 1;
        return std::string(value);
    }

    bool boolean() {
        skip_blanks();
        if (accept_word("True")) {
            return true;
        }
        if (accept_word("False")) {
            return false;
        }
        fail_here("True or False expected");
    }

    std::vector<std::size_t> tuple() {
        std::vector<std::size_t> values;
        expect('(');
        while (!accept(')')) {
            skip_blanks();
            std::size_t value = 0;
            const auto [rest, problem] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
            if (problem != std::errc{}) {
                fail_here("a length of the shape is not a whole number that memory can hold");
            }
            at_ = static_cast<std::size_t>(rest - text_.data());
            values.push_back(value);
            if (!accept(',')) {
                expect(')');
                break;
            }
        }
        return values;
    }

    std::string_view text_;
    std::size_t offset_;  ///< of the text in the file
    const std::string& source_;
    std::size_t at_ = 0;
};

struct ElementName {
    std::string_view name;
    Element element;
};

constexpr ElementName element_names[] = {
    {"i1", Element::i8},  {"i2", Element::i16}, {"i4", Element::i32}, {"i8", Element::i64},
    {"u1", Element::u8},  {"u2", Element::u16}, {"u4", Element::u32}, {"u8", Element::u64},
    {"f2", Element::f16}, {"f4", Element::f32}, {"f8", Element::f64}, {"b1", Element::boolean},
};

Element element_of(const std::string& descr, const std::string& source) {
    const bool order = !descr.empty() && std::string_view("<>|=").find(descr.front()) != std::string_view::npos;
    std::string_view name = descr;
    if (order) {
        name.remove_prefix(1);
    }
    for (const ElementName& known : element_names) {
        const bool order_matters = size_of(known.element) > 1;
        if (name == known.name && order && !(order_matters && descr.front() == '|')) {
            return known.element;
        }
    }
    if (name.starts_with('O')) {
        fail(source, "an array of Python objects, which cannot be read safely; save numbers: x.astype('float64')");
    }
    if (name.starts_with('U') || name.starts_with('S')) {
        fail(source, "an array of texts (" + in_quotes(descr) + "); save the table as CSV instead");
    }
    fail(source, "numbers of the type " + in_quotes(descr) +
                     " are not supported (known: f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1); save x.astype('float64')");
}

void check_shape(const std::vector<std::size_t>& shape, const std::string& source) {
    const std::string text = "the array has the shape " + shape_text(shape);
    if (shape.empty()) {
        fail(source, text + ", a single number; a table has the shape (rows,) or (rows, columns)");
    }
    if (shape.size() > 2) {
        fail(source, text + "; flatten each row: x.reshape(len(x), -1)");
    }
    for (const std::size_t length : shape) {
        if (length == 0) {
            fail(source, text + ": it is empty");
        }
    }
}

/// The unsigned little-endian number in these bytes.
std::size_t little_endian(std::string_view bytes) {
    std::size_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) {
        value = value << 8U | static_cast<std::uint8_t>(bytes[i]);
    }
    return value;
}

/// The header and the bytes behind it.
struct NpyFile {
    std::string descr;
    bool fortran_order;
    std::vector<std::size_t> shape;
    std::string_view data;

    [[nodiscard]] bool big_endian() const { return descr.front() == '>'; }
};

NpyFile open_npy(std::string_view bytes, const std::string& source) {
    if (!bytes.starts_with("\x93NUMPY")) {
        fail(source, "byte 0: not an NPY file");
    }
    const int version = bytes.size() > 7 ? bytes[6] : 0;
    const std::size_t length_bytes = version == 1 ? 2 : 4;
    const std::size_t start = 8 + length_bytes;
    if (bytes.size() < start) {
        fail(source, "cut off in its first " + std::to_string(start) + " bytes; write the file again");
    }
    if (version < 1 || version > 3) {
        fail(source, "byte 6: NPY version " + std::to_string(version) + " is unknown (known: 1, 2, 3)");
    }
    const std::size_t length = little_endian(bytes.substr(8, length_bytes));
    if (length > limits::npy_header) {
        fail(source, "byte 8: a header of " + std::to_string(length) + " bytes; at most " +
                         std::to_string(limits::npy_header) + " are read");
    }
    if (length > bytes.size() - start) {
        fail(source, "byte 8: a header of " + std::to_string(length) + " bytes, but only " +
                         std::to_string(bytes.size() - start) + " are there; write the file again");
    }
    const Header header = HeaderParser(bytes.substr(start, length), start, source).parse();
    return {*header.descr, *header.fortran_order, *header.shape, bytes.substr(start + length)};
}

/// Raises unless `size` bytes, what the shape needs, are there.
void check_size(const NpyFile& file, const std::optional<std::size_t>& size, const std::string& source) {
    if (size != file.data.size()) {
        fail(source, "the shape " + shape_text(file.shape) + " of " + in_quotes(file.descr) + " needs " +
                         text_of_bytes(size) + ", but " + std::to_string(file.data.size()) +
                         " follow the header; write the file again");
    }
}

/// What an array of this shape takes, or nothing when that is more than memory can address.
std::optional<std::size_t> bytes_of(Element element, const std::vector<std::size_t>& shape) {
    std::size_t bytes = size_of(element);
    for (const std::size_t length : shape) {
        if (__builtin_mul_overflow(bytes, length, &bytes)) {
            return std::nullopt;
        }
    }
    return bytes;
}

/// Numbers that lie with the first index running fastest, in the order in which the last one does.
std::vector<double> row_major(const std::vector<double>& values, const std::vector<std::size_t>& shape) {
    std::vector<double> result;
    result.reserve(values.size());
    std::vector<std::size_t> index(shape.size(), 0);
    while (result.size() < values.size()) {
        std::size_t from = 0;
        for (std::size_t axis = shape.size(); axis-- > 0;) {
            from = from * shape[axis] + index[axis];
        }
        result.push_back(values[from]);
        for (std::size_t axis = shape.size(); axis-- > 0 && ++index[axis] == shape[axis];) {
            index[axis] = 0;
        }
    }
    return result;
}

/// Of the significand; whole numbers have at most 64.
int digits_of(Element element) {
    switch (element) {
        case Element::f16:
            return 11;
        case Element::f32:
            return 24;
        case Element::f64:
            return 53;
        default:
            return 64;
    }
}

}  // namespace

std::string shape_text(const std::vector<std::size_t>& shape) {
    std::string list;
    for (const std::size_t length : shape) {
        add_item(list, ", ", std::to_string(length));
    }
    return "(" + list + when(shape.size() == 1, ",") + ")";
}

void judge_npy(std::string_view first, const std::string& source) {
    static_cast<void>(element_of(open_npy(first, source).descr, source));
}

Table read_npy(std::string_view bytes, const std::string& source) {
    const NpyFile file = open_npy(bytes, source);
    check_shape(file.shape, source);
    const ArrayLayout layout{.rows = file.shape[0],
                             .columns = file.shape.size() == 2 ? file.shape[1] : 1,
                             .element = element_of(file.descr, source),
                             .big_endian = file.big_endian(),
                             .column_major = file.fortran_order};
    check_size(file, bytes_of(layout), source);
    return table_of_array(file.data, layout, source);
}

NamedArray read_npy_array(std::string_view bytes, const std::string& source) {
    const NpyFile file = open_npy(bytes, source);
    if (file.shape.size() > limits::npy_rank) {
        fail(source, "the array has " + std::to_string(file.shape.size()) + " axes; at most " +
                         std::to_string(limits::npy_rank) + " are read");
    }
    const Element element = element_of(file.descr, source);
    check_size(file, bytes_of(element, file.shape), source);
    NamedArray array{.name = "",
                     .shape = file.shape,
                     .values = numbers_of(file.data, element, file.big_endian()),
                     .digits = digits_of(element)};
    if (file.fortran_order && file.shape.size() > 1) {
        array.values = row_major(array.values, file.shape);
    }
    return array;
}

}  // namespace handgrad
