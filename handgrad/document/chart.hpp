// Charts as inline SVG, drawn from plain numbers: colours come from the page's style sheet, so that they suit light,
// dark and print.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace handgrad::document {

/// What stands around a chart.
struct ChartText {
    std::string title;        ///< above it
    std::string x;            ///< below the horizontal axis
    std::string y;            ///< above the vertical one
    std::string description;  ///< what it shows, for readers who cannot see it
    std::string note{};       ///< below all; may be empty
};

struct Series {
    std::string name;
    std::vector<double> x, y;  ///< of equal length; what is not finite is left out, and a line is broken there
};

/// Lines over numbers. On a logarithmic axis what is not positive is left out.
struct LineChart {
    ChartText text;
    std::vector<Series> lines;
    bool logarithmic = false;
    std::optional<double> mark = {};  ///< a vertical line at this x …
    std::string mark_name = {};       ///< … and what it means
    bool shares = false;              ///< the vertical axis from 0 to 1
    bool unit_square = false;         ///< both axes from 0 to 1, with the diagonal
};

/// Points, with the diagonal on which x = y.
struct ScatterChart {
    ChartText text;
    Series points;
};

/// Horizontal bars from 0, several at each label side by side, or laid end to end on the side of their sign.
struct BarChart {
    ChartText text;
    std::vector<std::string> labels;
    struct Part {
        std::string name;
        std::vector<double> values;  ///< one a label
    };
    std::vector<Part> parts;
    bool stacked = false;
    bool logarithmic = false;  ///< side by side only: lengths by powers of ten
};

/// Shares of values in bins of equal width.
struct HistogramChart {
    ChartText text;
    double lowest = 0.0, highest = 1.0;
    std::vector<double> shares;
};

/// Each returns a <figure> with title, drawing and legend; where there is nothing to draw, it says so.
std::string draw(const LineChart& chart);
std::string draw(const ScatterChart& chart);
std::string draw(const BarChart& chart);
std::string draw(const HistogramChart& chart);

}  // namespace handgrad::document
