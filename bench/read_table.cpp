// Seconds that read_table takes for a table, and apply_preprocessing to make a float matrix of it; for
// bench/reading.py.
#include <algorithm>
#include <ctime>
#include <iostream>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/data/table.hpp"

namespace {

double seconds_since(std::clock_t start) { return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC; }

/// Every column as an input: numbers as they are, texts one-hot.
handgrad::Preprocessing every_column(const handgrad::Table& table) {
    handgrad::Preprocessing all;
    for (const handgrad::Column& column : table.columns) {
        handgrad::FeatureColumn feature{.name = column.name, .categories = column.texts};
        std::sort(feature.categories.begin(), feature.categories.end());
        all.features.push_back(std::move(feature));
    }
    return all;
}

}  // namespace

int main(int count, char** words) {
    if (count != 2) {
        std::cerr << "usage: read_table TABLE\n";
        return 2;
    }
    try {
        const std::clock_t start = std::clock();
        const handgrad::Table table = handgrad::read_table(words[1]);
        const double reading = seconds_since(start);

        const handgrad::Preprocessing all = every_column(table);
        const std::vector<std::size_t> rows = handgrad::all_rows(table.rows);
        const std::clock_t encoding_start = std::clock();
        const handgrad::Dataset dataset =
            handgrad::apply_preprocessing<float>(all, table, rows, {.labels = handgrad::Labels::absent});
        std::cout << reading << ' ' << seconds_since(encoding_start) << ' ' << dataset.x.rows() << ' '
                  << dataset.x.columns() << '\n';
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    return 0;
}
