// A table as Python holds it, and the settings by which it is read.
#pragma once

#include <list>
#include <string>
#include <vector>

#include "handgrad/data/table.hpp"
#include "handgrad/data/table_builder.hpp"
#include "python/src/arrow.hpp"
#include "python/src/cells.hpp"
#include "python/src/python.hpp"

namespace handgrad::python {

struct PyTable {
    Table table;
    ReadOptions reading;  ///< as it was read
};

/// A column on its way, and how it is called.
struct NamedCells {
    std::string name;
    Cells cells;
};

/// The columns of one or more record batches, by the Arrow C data interface. Cells may point into the arrays.
/// `keeps_spelling` asks whether numbers of a column had better be texts. Raises TypeError for what is no table of
/// numbers and texts, naming the column.
class ArrowTable {
public:
    /// Of an object with __arrow_c_stream__ or __arrow_c_array__. Takes what the producer hands over.
    explicit ArrowTable(const nb::object& producer);

    [[nodiscard]] std::list<NamedCells> columns(const TableBuilder& builder) const;

private:
    void read_stream(const nb::object& capsule);
    void read_array(const nb::object& capsules);

    Released<ArrowSchema> schema_;
    std::vector<Released<ArrowArray>> chunks_;
};

}  // namespace handgrad::python
