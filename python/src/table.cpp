// Tables for Python: from files, from columns of NumPy and of Python's own objects, and by Arrow's interface.
#include "python/src/table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/store/model.hpp"
#include "python/src/model.hpp"

namespace handgrad::python {
namespace {

/// Takes columns until it is a table.
class Columns {
public:
    Columns(std::string source, const ReadOptions& reading) : reading_(reading), builder_(std::move(source), reading) {}

    void add_numbers(const std::string& name, const Numbers<double>& numbers) {
        if (!builder_.keeps_spelling(name)) {
            const nb::gil_scoped_release others_may_run;
            builder_.add_numbers(name, view(numbers));
            return;
        }
        Cells cells;
        for (const double number : view(numbers)) {
            if (std::isnan(number)) {
                cells.texts.emplace_back();
            } else {
                cells.add_made(spelled(number));
            }
        }
        builder_.add_cells(name, cells.texts);
    }
    template <class T>
    void add_integers(const std::string& name, const Numbers<T>& numbers) {
        Cells cells{.are_numbers = !builder_.keeps_spelling(name)};
        for (const T number : view(numbers)) {
            if (cells.are_numbers) {
                cells.numbers.push_back(static_cast<double>(number));
            } else {
                cells.add_made(std::to_string(number));
            }
        }
        add({name, std::move(cells)});
    }
    void add_bools(const std::string& name, const Numbers<bool>& flags) {
        Cells cells;
        for (const bool flag : view(flags)) {
            cells.add(flag);
        }
        add({name, std::move(cells)});
    }
    /// Of so many units in a second (0: days) since 1970; the least number is a gap.
    void add_moments(const std::string& name, const Numbers<std::int64_t>& moments, std::int64_t in_second, bool utc) {
        std::vector<std::optional<std::int64_t>> there;
        for (const std::int64_t moment : view(moments)) {
            there.emplace_back();
            if (moment != std::numeric_limits<std::int64_t>::min()) {
                there.back() = moment;
            }
        }
        Cells cells;
        python::add_moments(there, TimeUnit{in_second}, utc, cells);
        add({name, std::move(cells)});
    }
    void add_objects(const std::string& name, const List& objects) {
        Cells cells;
        std::vector<nb::object> texts;  // that were made of objects, and are looked into
        std::size_t row = 0;
        for (const nb::handle object : objects) {
            add_object(name, row++, object, cells, texts);
        }
        add({name, std::move(cells)});
    }
    /// Codes of categories; a negative one is a gap.
    void add_codes(const std::string& name, const Numbers<std::int64_t>& codes, const List& categories) {
        Cells named;
        std::vector<nb::object> texts;
        std::size_t row = 0;
        for (const nb::handle category : categories) {
            add_object(name, row++, category, named, texts);
        }
        Cells cells;
        for (const std::int64_t code : view(codes)) {
            cells.texts.emplace_back();
            if (code >= static_cast<std::int64_t>(named.texts.size())) {
                throw nb::type_error(("column '" + name + "': a code has no category").c_str());
            }
            if (code >= 0) {
                cells.texts.back() = named.texts[static_cast<std::size_t>(code)];
            }
        }
        add({name, std::move(cells)});
    }
    void add_arrow(const nb::object& producer) {
        const ArrowTable arrow(producer);
        for (const NamedCells& column : arrow.columns(builder_)) {
            add(column);
        }
    }
    PyTable finish() { return {builder_.finish(), reading_}; }

private:
    void add(const NamedCells& column) {
        const nb::gil_scoped_release others_may_run;
        if (column.cells.are_numbers) {
            builder_.add_numbers(column.name, column.cells.numbers);
        } else {
            builder_.add_cells(column.name, column.cells.texts);
        }
    }

    /// As a CSV file of it would have the object: missing for None, NaN, pandas' NA and NaT and NumPy's masked.
    static void add_object(const std::string& name, std::size_t row, nb::handle object, Cells& cells,
                           std::vector<nb::object>& texts) {
        if (PyUnicode_Check(object.ptr())) {
            cells.texts.emplace_back(utf8(object));
            return;
        }
        nb::object plain = nb::borrow(object);
        if (nb::hasattr(object, "item") && nb::hasattr(object, "dtype") && !nb::hasattr(object, "__len__")) {
            plain = object.attr("item")();  // of NumPy's own numbers
        }
        if (plain.is_none() || is_gap(plain)) {
            cells.texts.emplace_back();
        } else if (PyBool_Check(plain.ptr())) {
            cells.add(plain.ptr() == Py_True);
        } else if (PyFloat_Check(plain.ptr())) {
            cells.add_made(spelled(nb::cast<double>(plain)));
        } else if (is_container(plain)) {
            throw nb::type_error(("column '" + name + "': row " + std::to_string(row) + " holds a " +
                                  nb::cast<std::string>(plain.type().attr("__name__")) +
                                  ", which is neither a number nor a text")
                                     .c_str());
        } else {
            texts.push_back(nb::str(plain));
            cells.texts.emplace_back(utf8(texts.back()));
        }
    }
    static bool is_gap(const nb::object& object) {
        if (PyFloat_Check(object.ptr())) {
            return std::isnan(nb::cast<double>(object));
        }
        if (PyLong_Check(object.ptr())) {
            return false;
        }
        const auto type = nb::cast<std::string>(object.type().attr("__name__"));
        const bool not_a_decimal = type == "Decimal" && nb::cast<std::string>(nb::str(object)) == "NaN";
        return type == "NAType" || type == "NaTType" || type == "MaskedConstant" || not_a_decimal;
    }
    /// Bytes too: nobody knows what they spell.
    static bool is_container(const nb::object& object) {
        return nb::hasattr(object, "__len__") || nb::hasattr(object, "__iter__") || PyComplex_Check(object.ptr());
    }
    static std::string_view utf8(nb::handle text) {
        Py_ssize_t size = 0;
        const char* bytes = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
        if (bytes == nullptr) {
            throw nb::python_error();
        }
        return {bytes, static_cast<std::size_t>(size)};
    }

    ReadOptions reading_;
    TableBuilder builder_;
};

char one_character(const Dict& given, const char* name, char otherwise) {
    if (!given.contains(name) || given[name].is_none()) {
        return otherwise;
    }
    const auto text = nb::cast<std::string>(given[name]);
    if (text.size() != 1) {
        throw Error(ErrorKind::usage, std::string(name) + ": one character is expected, not '" + text + "'");
    }
    return text[0];
}

template <class T>
T given_or(const Dict& given, const char* name, T otherwise) {
    if (!given.contains(name) || given[name].is_none()) {
        return otherwise;
    }
    return nb::cast<T>(given[name]);
}

void append(std::vector<std::string>& list, const std::vector<std::string>& more) {
    list.insert(list.end(), more.begin(), more.end());
}

/// What is given, over what holds otherwise: that of the model, if there is one.
ReadOptions reading_of(const Dict& given, const PyModel* model) {
    ReadOptions reading = model == nullptr ? ReadOptions{} : model->model.preprocessing.reading;
    using Names = std::vector<std::string>;
    reading.delimiter = one_character(given, "delimiter", reading.delimiter);
    reading.decimal = one_character(given, "decimal", reading.decimal);
    reading.thousands = one_character(given, "thousands", reading.thousands);
    reading.header = given_or(given, "header", reading.header);
    reading.percent = given_or(given, "percent", reading.percent);
    reading.currency = given_or(given, "currency", reading.currency);
    reading.missing = given_or(given, "missing_only", reading.missing);
    append(reading.missing, given_or(given, "missing", Names{}));
    append(reading.date_columns, given_or(given, "date", Names{}));
    if (model == nullptr) {
        reading.text_columns = given_or(given, "categorical", Names{});
        reading.spelled_columns = given_or(given, "target", Names{});
    }
    return reading;
}

PyTable read(const Path& path, const ReadOptions& reading) {
    const nb::gil_scoped_release others_may_run;
    return {read_table(path.name, reading), reading};
}

/// Appends the columns of another table, whose rows stand beside those of the first; with `in_place` those of the same
/// name take the place of these.
void join(PyTable& table, const PyTable& other, bool in_place) {
    if (table.table.rows != other.table.rows) {
        throw Error(ErrorKind::usage, other.table.source + " has " + std::to_string(other.table.rows) + " rows, " +
                                          table.table.source + " has " + std::to_string(table.table.rows));
    }
    for (const Column& column : other.table.columns) {
        const auto there = std::ranges::find(table.table.columns, column.name, &Column::name);
        if (there == table.table.columns.end()) {
            table.table.columns.push_back(column);
        } else if (in_place) {
            *there = column;
        } else {
            throw Error(ErrorKind::usage, table.table.source + " has a column '" + column.name +
                                              "' already; name one of the two otherwise");
        }
    }
}

/// Whether two tables hold the same, whatever they were made of.
bool same_cells(const PyTable& one, const PyTable& other) {
    const auto same_numbers = [](double a, double b) { return a == b || (a != a && b != b); };
    return std::ranges::equal(one.table.columns, other.table.columns, [&](const Column& a, const Column& b) {
        return a.name == b.name && a.has_numbers == b.has_numbers && a.has_texts == b.has_texts && a.codes == b.codes &&
               a.texts == b.texts && a.missing == b.missing && std::ranges::equal(a.numbers, b.numbers, same_numbers);
    });
}

/// What each cell of a column of texts says, without the blanks around it; nothing for a gap. Empty for a column of
/// numbers.
std::vector<std::optional<std::string>> texts_of(const PyTable& self, const std::string& name) {
    const Column& column = self.table.column(name);
    std::vector<std::optional<std::string>> texts;
    for (const std::uint32_t code : column.codes) {
        texts.emplace_back();
        if (code != Column::missing_code) {
            texts.back() = column.texts[code];
        }
    }
    return texts;
}

std::vector<std::string> names_of(const PyTable& self) {
    std::vector<std::string> names;
    for (const Column& column : self.table.columns) {
        names.push_back(column.name);
    }
    return names;
}

}  // namespace

void bind_table(nb::module_& m) {
    nb::class_<ReadOptions>(m, "Reading", "How tables are read.").def("without_dates", [](ReadOptions reading) {
        reading.date_columns.clear();
        return reading;
    });
    m.def("reading", &reading_of, nb::arg("given"), nb::arg("model").none());
    nb::class_<PyTable>(m, "Table", "A table as handgrad reads it.")
        .def_prop_ro("rows", [](const PyTable& self) { return self.table.rows; })
        .def_rw("reading", &PyTable::reading)
        .def_prop_ro("source", [](const PyTable& self) { return self.table.source; })
        .def_prop_ro("columns", &names_of)
        .def_prop_ro("notices", [](const PyTable& self) { return self.table.notices; })
        .def_prop_ro("warnings", [](const PyTable& self) { return self.table.warnings; })
        .def("numbers",
             [](const PyTable& self, const std::string& name) { return array_of(self.table.column(name).numbers); })
        .def("texts", &texts_of, nb::arg("name"))
        .def("same_cells", &same_cells, nb::arg("other"))
        .def("join", &join, nb::arg("other"), nb::arg("in_place") = false);
    m.def("read_table", &read, nb::arg("path"), nb::arg("reading"));
    nb::class_<Columns>(m, "Columns", "Takes columns until it is a table.")
        .def(nb::init<std::string, const ReadOptions&>(), nb::arg("source"), nb::arg("reading"))
        .def("add_numbers", &Columns::add_numbers, nb::arg("name"), nb::arg("numbers").noconvert())
        .def("add_integers", &Columns::add_integers<std::int64_t>, nb::arg("name"), nb::arg("numbers").noconvert())
        .def("add_integers", &Columns::add_integers<std::uint64_t>, nb::arg("name"), nb::arg("numbers").noconvert())
        .def("add_bools", &Columns::add_bools, nb::arg("name"), nb::arg("flags").noconvert())
        .def("add_moments", &Columns::add_moments, nb::arg("name"), nb::arg("moments").noconvert(),
             nb::arg("in_second"), nb::arg("utc"))
        .def("add_objects", &Columns::add_objects, nb::arg("name"), nb::arg("objects"))
        .def("add_codes", &Columns::add_codes, nb::arg("name"), nb::arg("codes").noconvert(), nb::arg("categories"))
        .def("add_arrow", &Columns::add_arrow, nb::arg("producer"))
        .def("finish", &Columns::finish);
}

}  // namespace handgrad::python
