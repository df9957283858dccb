// Scales, ticks and marks of the charts. A drawing is 360 units wide, so that its letters are readable on a telephone.
#include "handgrad/document/chart.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "handgrad/base/wording.hpp"
#include "handgrad/document/html.hpp"
#include "handgrad/document/notation.hpp"

namespace handgrad::document {
namespace {

constexpr double width = 360.0, least_left = 54.0, right = 350.0, top = 16.0;
constexpr double plot_height = 190.0, below = 34.0;
constexpr double half_a_number = 6.4;  ///< that a tick at the right edge is drawn in by

/// At most so wide a text of 11 px is drawn by the fonts of the page, rather too much than too little.
double text_width(std::string_view text) {
    double sum = 0.0;
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if ((byte & 0xC0U) == 0x80U) {
            continue;  // belongs to the character before
        }
        constexpr unsigned char first_wide = 0xE3;  // Chinese, Japanese, Korean; what comes later is emoji and the like
        if (byte >= first_wide) {
            sum += 12.0;
        } else if (std::string_view("iljtfrI.,:;|!'()[] -").find(letter) != std::string_view::npos) {
            sum += 4.4;
        } else if (std::string_view("mwMW@%").find(letter) != std::string_view::npos) {
            sum += 10.8;
        } else if (letter >= 'A' && letter <= 'Z') {
            sum += 8.2;
        } else {
            sum += 6.9;
        }
    }
    return sum;
}

/// A coordinate, to a tenth.
std::string at(double value) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), std::round(value * 10.0) / 10.0,
                                   std::chars_format::fixed);
    return {digits.data(), end.ptr};
}
std::string attribute(std::string_view name, double value) {
    return " " + std::string(name) + "=\"" + at(value) + "\"";
}

std::string label(double x, double y, std::string_view anchor, std::string_view text) {
    return element("text" + attribute("x", x) + attribute("y", y) + " text-anchor=\"" + std::string(anchor) + "\"",
                   escape_html(text));
}
std::string stroke(std::string_view style, double x1, double y1, double x2, double y2) {
    return "<line class=\"" + std::string(style) + "\"" + attribute("x1", x1) + attribute("y1", y1) +
           attribute("x2", x2) + attribute("y2", y2) + "/>";
}
std::string box(const std::string& style, double x, double y, double w, double h, std::string_view title) {
    return "<rect class=\"" + style + "\"" + attribute("x", x) + attribute("y", y) +
           attribute("width", std::max(w, 0.3)) + attribute("height", h) + ">" + element("title", escape_html(title)) +
           "</rect>";
}
/// Eight colours, then the same with another dash.
std::string colour(std::size_t series) { return "s" + std::to_string(series % 8) + when(series >= 8, " dashed"); }

/// From numbers to places along an axis.
class Scale {
public:
    Scale(double lowest, double highest, bool logarithmic, double from, double to)
        : logarithmic_(logarithmic), low_(along(lowest)), high_(along(highest)), from_(from), to_(to) {
        if (!(high_ - low_ > std::numeric_limits<double>::min())) {  // one value alone stands in the middle
            const double room = logarithmic ? 0.5 : std::max(std::abs(low_) * 0.1, 0.5);
            low_ -= room;
            high_ += room;
        }
    }
    [[nodiscard]] double operator()(double value) const {
        return from_ + (to_ - from_) * std::clamp((along(value) - low_) / (high_ - low_), -0.01, 1.01);
    }
    [[nodiscard]] bool shows(double value) const { return std::isfinite(value) && (!logarithmic_ || value > 0.0); }

    /// Round numbers within the range: steps of 1, 2 or 5 times a power of ten; on a logarithmic axis powers of ten.
    [[nodiscard]] std::vector<double> ticks(std::size_t most) const {
        if (!logarithmic_) {
            return round_numbers(low_, high_, round_step(high_ - low_, most));
        }
        const double step = std::max(1.0, std::ceil(round_step(high_ - low_, most)));
        if (std::floor(high_) >= std::ceil(low_) + step) {
            std::vector<double> places = round_numbers(low_, high_, step);
            std::ranges::transform(places, places.begin(), [](double power) { return std::pow(10.0, power); });
            return places;
        }
        std::vector<double> places = between_powers();  // less than two powers of ten: their multiples
        const double lowest = std::pow(10.0, low_), highest = std::pow(10.0, high_);
        if (places.size() < 2) {
            places = round_numbers(lowest, highest, round_step(highest - lowest, most));
        }
        return places;
    }

private:
    [[nodiscard]] double along(double value) const { return logarithmic_ ? std::log10(value) : value; }
    /// 1, 2 or 5 times a power of ten, so that `most` steps span the range.
    static double round_step(double span, std::size_t most) {
        const double count = static_cast<double>(most);
        double step = std::pow(10.0, std::floor(std::log10(span / count)));
        for (const double factor : {2.0, 2.5, 2.0}) {  // 2, 5, 10
            if (span / step > count) {
                step *= factor;
            }
        }
        return step;
    }
    static std::vector<double> round_numbers(double lowest, double highest, double step) {
        std::vector<double> places;
        const double slack = 1e-9 * (highest - lowest);
        for (double i = std::ceil((lowest - slack) / step); i * step <= highest + slack; i += 1.0) {
            if (places.size() == 20) {
                break;
            }
            places.push_back(i * step + 0.0);  // no -0
        }
        return places;
    }
    [[nodiscard]] std::vector<double> between_powers() const {
        std::vector<double> places;
        const auto lowest = static_cast<int>(std::floor(low_)), highest = static_cast<int>(std::floor(high_));
        for (int power = lowest; power <= highest; ++power) {
            for (const double factor : {1.0, 2.0, 5.0}) {
                const double value = factor * std::pow(10.0, power);
                if (std::log10(value) >= low_ - 1e-9 && std::log10(value) <= high_ + 1e-9) {
                    places.push_back(value);
                }
            }
        }
        return places;
    }

    bool logarithmic_;
    double low_, high_;
    double from_, to_;
};

struct Extent {
    double lowest = std::numeric_limits<double>::infinity();
    double highest = -std::numeric_limits<double>::infinity();

    void add(double value, bool logarithmic = false) {
        if (std::isfinite(value) && (!logarithmic || value > 0.0)) {
            lowest = std::min(lowest, value);
            highest = std::max(highest, value);
        }
    }
    /// Something to draw, in a range that a double can hold.
    [[nodiscard]] bool drawable() const { return std::isfinite(highest - lowest); }
};

/// A number beside a tick, with so many significant digits.
std::string number_text(double value, int precision) {
    std::array<char, 32> digits{};
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::general, precision);
    std::string text(digits.data(), end.ptr);
    const std::size_t e = text.find('e');
    if (e != std::string::npos) {  // 1e-05 is 1e-5
        text = text.substr(0, e + 1) + std::to_string(std::stoi(text.substr(e + 1)));
    }
    if (text.starts_with('-')) {
        text.replace(0, 1, "−");
    }
    return text;
}

struct Tick {
    double value;
    std::string text;
};

/// With as many digits as tell neighbours apart.
std::vector<Tick> with_texts(const std::vector<double>& values) {
    constexpr int fewest = 4, most = 15;
    std::vector<Tick> ticks;
    for (int digits = fewest; digits <= most; ++digits) {
        ticks.clear();
        for (const double value : values) {
            ticks.push_back({value, number_text(value, digits)});
        }
        if (std::ranges::adjacent_find(ticks, {}, &Tick::text) == ticks.end()) {
            break;
        }
    }
    return ticks;
}

/// Along a horizontal axis: as many as stand beside each other without touching.
std::vector<Tick> ticks_across(const Scale& x, std::size_t most) {
    constexpr double gap = 8.0;
    for (std::size_t count = most; count > 1; --count) {
        std::vector<Tick> ticks = with_texts(x.ticks(count));
        const auto touches = [&](const Tick& a, const Tick& b) {
            return x(b.value) - x(a.value) < 0.5 * (text_width(a.text) + text_width(b.text)) + gap;
        };
        if (std::ranges::adjacent_find(ticks, touches) == ticks.end()) {
            return ticks;
        }
    }
    std::vector<Tick> one = with_texts(x.ticks(1));
    one.resize(std::min<std::size_t>(one.size(), 1));
    return one;
}
std::string ticks_below(const Scale& x, std::size_t most, double bottom) {
    std::string svg;
    for (const Tick& tick : ticks_across(x, most)) {
        const double half = std::max(0.5 * text_width(tick.text), half_a_number);
        svg += stroke("grid", x(tick.value), top, x(tick.value), bottom) +
               label(std::min(x(tick.value), width - half), bottom + 15.0, "middle", tick.text);
    }
    return svg;
}

/// What an axis means, in the middle below it or as near to that as the drawing has room.
std::string title_below(const std::string& text, double from, double bottom) {
    const double half = 0.5 * text_width(text);
    const double at = std::max(std::min((from + right) / 2.0, width - half), half);
    return label(at, bottom + 30.0, "middle", text);
}

/// Where the plot begins, so that the numbers beside it have room.
double left_of(const Scale& y) {
    double widest = 0.0;
    for (const Tick& tick : with_texts(y.ticks(5))) {
        widest = std::max(widest, text_width(tick.text));
    }
    return std::max(least_left, widest + 7.0);
}

std::string frame(const Scale& x, const Scale& y, const ChartText& text, double bottom) {
    std::string svg;
    const double left = left_of(y);
    for (const Tick& tick : with_texts(y.ticks(5))) {
        svg += stroke("grid", left, y(tick.value), right, y(tick.value)) +
               label(left - 5.0, y(tick.value) + 4.0, "end", tick.text);
    }
    return svg + ticks_below(x, 5, bottom) + stroke("axis", left, bottom, right, bottom) +
           title_below(text.x, left, bottom);
}

struct Legend {
    std::string style;
    std::string name;
};

std::string figure(const ChartText& text, const std::string& drawing, double height,
                   const std::vector<Legend>& legend = {}) {
    std::string html = element("figcaption", escape_html(text.title));
    if (!text.y.empty() && !drawing.empty()) {
        html += element("p class=\"unit\"", escape_html(text.y));
    }
    if (drawing.empty()) {
        html += element("p", "No finite numbers to draw.");
    } else {
        html += element("svg viewBox=\"0 0 " + at(width) + " " + at(height) + "\" role=\"img\"",
                        element("title", escape_html(text.description)) + drawing);
    }
    std::string names;
    for (const Legend& entry : legend) {
        names += element("li", "<svg viewBox=\"0 0 14 10\" aria-hidden=\"true\"><rect class=\"" + entry.style +
                                   "\" width=\"14\" height=\"10\"/></svg>" + escape_html(entry.name));
    }
    html += when(!names.empty() && !drawing.empty(), element("ul class=\"legend\"", names));
    html += when(!text.note.empty(), element("p class=\"note\"", escape_html(text.note)));
    return element("figure", html) + "\n";
}

/// The points of a line as paths, broken where a number is missing; a point that stands alone is a dot.
std::string path(const Series& line, const Scale& x, const Scale& y, const std::string& style) {
    std::string steps, dots;
    std::size_t in_a_row = 0;
    for (std::size_t i = 0; i <= line.x.size(); ++i) {
        const bool there = i < line.x.size() && x.shows(line.x[i]) && y.shows(line.y[i]);
        if (there) {
            steps += (in_a_row == 0 ? "M" : "L") + at(x(line.x[i])) + " " + at(y(line.y[i]));
            ++in_a_row;
            continue;
        }
        if (in_a_row == 1) {
            dots += "<circle class=\"" + style + "\"" + attribute("cx", x(line.x[i - 1])) +
                    attribute("cy", y(line.y[i - 1])) + " r=\"3\"/>";
        }
        in_a_row = 0;
    }
    return "<path class=\"line " + style + "\" d=\"" + steps + "\"/>" + dots;
}

/// Where the bars of a label end on either side of 0, stacked one beyond the other.
struct Stack {
    double negative = 0.0, positive = 0.0;

    double& side(double value) { return value < 0.0 ? negative : positive; }
};

Extent extent_of(const BarChart& chart) {
    Extent extent;
    if (!chart.logarithmic) {
        extent.add(0.0);
    }
    for (std::size_t l = 0; l < chart.labels.size(); ++l) {
        Stack ends;
        for (const BarChart::Part& part : chart.parts) {
            if (chart.stacked && std::isfinite(part.values[l])) {
                ends.side(part.values[l]) += part.values[l];
            } else if (!chart.stacked) {
                extent.add(part.values[l], chart.logarithmic);
            }
        }
        if (chart.stacked) {
            extent.add(ends.negative);
            extent.add(ends.positive);
        }
    }
    if (chart.logarithmic && extent.drawable()) {
        extent.lowest = std::max(std::pow(10.0, std::floor(std::log10(extent.lowest)) - 0.5),
                                 std::numeric_limits<double>::denorm_min());
    }
    return extent;
}

/// Of a name beside its bars.
constexpr double most_width = 150.0;

std::string shortened(const std::string& name) {
    if (text_width(name) <= most_width) {
        return name;
    }
    const auto goes_on = [&](std::size_t at) { return (static_cast<unsigned char>(name[at]) & 0xC0U) == 0x80U; };
    // Names of columns often differ at their ends, so the middle is left out, of whole characters.
    std::size_t start = name.size() / 2, end = start;
    std::string text = name;
    while (text_width(text) > most_width) {
        do {
            --start;
        } while (start > 0 && goes_on(start));
        do {
            ++end;
        } while (end < name.size() && goes_on(end));
        text = name.substr(0, start) + "…" + name.substr(end);
    }
    return text;
}

/// The bars of one label, the first at height y.
std::string bars_of(const BarChart& chart, std::size_t l, const Scale& x, double zero, double y, double bar) {
    std::string svg;
    Stack ends;
    for (std::size_t p = 0; p < chart.parts.size(); ++p) {
        const double value = chart.parts[p].values[l];
        double& end = ends.side(value);
        if (!x.shows(value) || (chart.stacked && !x.shows(end + value))) {
            continue;
        }
        const std::string title = chart.labels[l] + ", " + chart.parts[p].name + ": " + six_digits(value);
        if (chart.stacked) {
            const double from = x(end), to = x(end += value);
            svg += box(colour(p), std::min(from, to), y, std::abs(to - from), bar, title);
        } else {
            svg += box(colour(p), std::min(zero, x(value)), y + bar * static_cast<double>(p), std::abs(x(value) - zero),
                       bar - 1.0, title);
        }
    }
    return svg;
}

}  // namespace

std::string draw(const LineChart& chart) {
    Extent xs, ys;
    std::vector<Legend> legend;
    for (std::size_t s = 0; s < chart.lines.size(); ++s) {
        const Series& line = chart.lines[s];
        Extent own;
        for (std::size_t i = 0; i < line.x.size(); ++i) {
            own.add(line.y[i], chart.logarithmic);
            if (std::isfinite(line.y[i])) {
                xs.add(line.x[i]);
            }
        }
        if (own.drawable()) {
            ys.add(own.lowest);
            ys.add(own.highest);
            legend.push_back({colour(s), line.name});
        }
    }
    if (!xs.drawable() || !ys.drawable()) {
        return figure(chart.text, "", 0.0);
    }
    if (chart.unit_square) {
        xs = ys = {.lowest = 0.0, .highest = 1.0};
    }
    if (chart.shares) {
        ys = {.lowest = 0.0, .highest = 1.0};
    }
    if (legend.size() == 1 && chart.lines.size() == 1) {
        legend.clear();  // the title says it
    }
    const double bottom = top + plot_height;
    const Scale y(ys.lowest, ys.highest, chart.logarithmic, bottom, top);
    const double left = left_of(y);
    const Scale x(xs.lowest, xs.highest, false, left, right);
    std::string svg = frame(x, y, chart.text, bottom);
    if (chart.unit_square) {
        svg += stroke("guide", x(0.0), y(0.0), x(1.0), y(1.0));
    }
    if (chart.mark) {
        svg += stroke("guide", x(*chart.mark), top, x(*chart.mark), bottom);
        if (x(*chart.mark) > right - 40.0) {
            svg += label(right, top - 5.0, "end", chart.mark_name);
        } else {
            svg += label(std::max(x(*chart.mark), left + 40.0), top - 5.0, "middle", chart.mark_name);
        }
    }
    for (std::size_t s = 0; s < chart.lines.size(); ++s) {
        svg += path(chart.lines[s], x, y, colour(s));
    }
    return figure(chart.text, svg, bottom + below, legend);
}

std::string draw(const ScatterChart& chart) {
    Extent both;
    for (std::size_t i = 0; i < chart.points.x.size(); ++i) {
        if (std::isfinite(chart.points.x[i]) && std::isfinite(chart.points.y[i])) {
            both.add(chart.points.x[i]);
            both.add(chart.points.y[i]);
        }
    }
    if (!both.drawable()) {
        return figure(chart.text, "", 0.0);
    }
    const double bottom = top + right - least_left;  // a square, or nearly
    const Scale y(both.lowest, both.highest, false, bottom, top);
    const Scale x(both.lowest, both.highest, false, left_of(y), right);
    std::string svg = frame(x, y, chart.text, bottom) +
                      stroke("guide", x(both.lowest), y(both.lowest), x(both.highest), y(both.highest));
    for (std::size_t i = 0; i < chart.points.x.size(); ++i) {
        if (x.shows(chart.points.x[i]) && y.shows(chart.points.y[i])) {
            svg += "<circle class=\"point\"" + attribute("cx", x(chart.points.x[i])) +
                   attribute("cy", y(chart.points.y[i])) + " r=\"2\"/>";
        }
    }
    return figure(chart.text, svg, bottom + below);
}

std::string draw(const BarChart& chart) {
    const Extent extent = extent_of(chart);
    if (!extent.drawable() || chart.labels.empty()) {
        return figure(chart.text, "", 0.0);
    }
    double start = 14.0;
    for (const std::string& name : chart.labels) {
        start = std::max(start, 14.0 + text_width(shortened(name)));
    }
    const std::size_t bars = chart.stacked ? 1 : chart.parts.size();
    const double bar = bars == 1 ? 14.0 : 9.0, gap_between = 7.0;
    const double each = bar * static_cast<double>(bars) + gap_between;
    const double bottom = top + each * static_cast<double>(chart.labels.size());
    const Scale x(extent.lowest, extent.highest, chart.logarithmic, start, right);
    const double zero = chart.logarithmic ? start : x(0.0);
    std::string svg = ticks_below(x, 4, bottom);
    std::vector<Legend> legend;
    if (chart.parts.size() > 1) {
        for (std::size_t p = 0; p < chart.parts.size(); ++p) {
            legend.push_back({colour(p), chart.parts[p].name});
        }
    }
    for (std::size_t l = 0; l < chart.labels.size(); ++l) {
        const double y = top + each * static_cast<double>(l);
        svg += label(start - 6.0, y + (each - gap_between) / 2.0 + 4.0, "end", shortened(chart.labels[l])) +
               bars_of(chart, l, x, zero, y, bar);
    }
    svg += stroke("axis", zero, top - 4.0, zero, bottom) + title_below(chart.text.x, start, bottom);
    return figure(chart.text, svg, bottom + below, legend);
}

std::string draw(const HistogramChart& chart) {
    double most = 0.0;
    for (const double share : chart.shares) {
        most = std::max(most, share);
    }
    if (!(most > 0.0) || !std::isfinite(chart.highest - chart.lowest)) {
        return figure(chart.text, "", 0.0);
    }
    const double bottom = top + plot_height / 2.0;
    const Scale y(0.0, most, false, bottom, top);
    const Scale x(chart.lowest, chart.highest, false, left_of(y), right);
    std::string svg = frame(x, y, chart.text, bottom);
    const double bin = (chart.highest - chart.lowest) / static_cast<double>(chart.shares.size());
    for (std::size_t i = 0; i < chart.shares.size(); ++i) {
        const double from = chart.lowest + bin * static_cast<double>(i);
        if (chart.shares[i] > 0.0) {
            svg += box(
                "s0", x(from), y(chart.shares[i]), x(from + bin) - x(from) - 0.5, bottom - y(chart.shares[i]),
                six_digits(from) + " to " + six_digits(from + bin) + ": " + six_digits(100.0 * chart.shares[i]) + " %");
        }
    }
    return figure(chart.text, svg, bottom + below);
}

}  // namespace handgrad::document
