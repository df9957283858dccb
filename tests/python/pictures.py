"""Reads the numbers back that a report draws: places in a picture are turned into units by the ticks beside them."""

import re
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np

HALF_A_TENTH = 0.05
"""Coordinates are written to a tenth of a unit of the drawing."""


def _number(text):
    return float(text.replace("−", "-"))


@dataclass
class Axis:
    """value = offset + slope * place, of log10 where the axis is logarithmic."""

    offset: float
    slope: float
    logarithmic: bool

    def values(self, places):
        along = self.offset + self.slope * np.asarray(places, dtype=float)
        return 10.0**along if self.logarithmic else along

    @property
    def blur(self):
        """Of a value, or of its log10: what rounding of the point and of the ticks leaves open."""
        return 3.0 * HALF_A_TENTH * abs(self.slope)


def _axis(ticks):
    """From (place, value) of its ticks; logarithmic where that alone makes a straight line."""
    places, values = np.array(ticks).T
    fits = []
    for logarithmic in (False, True):
        if logarithmic and np.any(values <= 0):
            continue
        along = np.log10(values) if logarithmic else values
        slope, offset = np.polyfit(places, along, 1)
        off = np.max(np.abs(offset + slope * places - along)) / abs(slope)
        fits.append((off, Axis(offset, slope, logarithmic)))
    off, axis = min(fits, key=lambda fit: fit[0])
    assert off < 2.0 * HALF_A_TENTH, f"ticks {ticks} stand on no straight line"
    return axis


class Figure:
    """One picture of a page, by its caption."""

    def __init__(self, tree):
        self.svg = tree.find("./svg")
        self.caption = tree.findtext("./figcaption")
        self.legend = ["".join(item.itertext()) for item in tree.findall("./ul/li")]
        self.unit = tree.findtext("./p[@class='unit']")

    def _texts(self):
        return [(float(t.get("x")), float(t.get("y")), t.get("text-anchor"), "".join(t.itertext()))
                for t in self.svg.iter("text")]

    def _lines(self):
        return [tuple(float(line.get(name)) for name in ("x1", "y1", "x2", "y2")) for line in self.svg.iter("line")
                if line.get("class") == "grid"]

    @property
    def x(self):
        upright = [line for line in self._lines() if line[0] == line[2]]
        below = [(x, text) for x, y, anchor, text in self._texts() if anchor == "middle" and 10.0 < y - upright[0][3] < 20.0]
        nearest = [min(below, key=lambda label: abs(label[0] - line[0])) for line in upright]
        return _axis([(line[0], _number(text)) for line, (_, text) in zip(upright, nearest, strict=True)])

    @property
    def y(self):
        level = [line for line in self._lines() if line[1] == line[3]]
        return _axis([(line[1], _number(text)) for line in level for _, y, anchor, text in self._texts()
                      if anchor == "end" and abs(y - 4.0 - line[1]) < 0.11])

    def curves(self):
        """(x, y) of each line, in the order of the legend."""
        found = []
        for path in self.svg.iter("path"):
            points = [tuple(map(float, point.split())) for point in re.split("[ML]", path.get("d"))[1:]]
            xs, ys = np.array(points).T
            found.append((self.x.values(xs), self.y.values(ys)))
        return found

    def points(self):
        xs, ys = np.array([(float(c.get("cx")), float(c.get("cy"))) for c in self.svg.iter("circle")]).T
        return self.x.values(xs), self.y.values(ys)

    def bars(self):
        """(title, length in units of the axis) of each bar that lies."""
        unit = abs(self.x.slope)
        return [(rect.findtext("title"), unit * float(rect.get("width"))) for rect in self.svg.iter("rect")]

    def bins(self):
        """(from, to, height, share as its title has it) of each bar that stands."""
        found = []
        for rect in self.svg.iter("rect"):
            start, end, share = re.fullmatch(r"(\S+) to (\S+): (\S+) %", rect.findtext("title")).groups()
            left, height = float(rect.get("x")), float(rect.get("height"))
            np.testing.assert_allclose(self.x.values(left), _number(start), atol=2.0 * self.x.blur)
            found.append((_number(start), _number(end), abs(self.y.slope) * height, _number(share) / 100.0))
        return found


def all_figures(page):
    """The pictures of a page, in their order."""
    return [Figure(ElementTree.fromstring(source))
             for source in re.findall(r"<figure\b.*?</figure>", page.read_text(encoding="utf-8"), re.DOTALL)]


def figures(page):
    """The same by caption."""
    found = all_figures(page)
    assert len({figure.caption for figure in found}) == len(found), [figure.caption for figure in found]
    return {figure.caption: figure for figure in found}


def assert_drawn(figure, places, values, axis):
    """Whether places read off an axis are these values, as far as the drawing can tell."""
    if axis.logarithmic:
        places, values = np.log10(places), np.log10(values)
    np.testing.assert_allclose(places, values, rtol=0, atol=axis.blur, err_msg=figure.caption)
