"""Plots as inline SVG: bars with intervals, lines, and a scatter against the diagonal. No scripts, no other files."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 150, 16, 44
COLOURS = ("#0b5fa5", "#c8501e", "#2f8f4e", "#7a4fa3", "#8a6d1d", "#444444")
TICKS = 5
X_TICKS = 4


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one name.

    Attributes:
        name: For the legend.
        points: (x, y) in the plot's units.
    """

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, with an interval where it has one.

    Attributes:
        name: Below it.
        value: Its height.
        low, high: Of the interval; None: none.
        group: Which colour.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    group: int = 0


class _Frame:
    """The axes: plot units to pixels."""

    def __init__(self, *, x: tuple[float, float], y: tuple[float, float]) -> None:
        self._x, self._y = x, (y[0], y[1] if y[1] > y[0] else y[0] + 1)

    def across(self, x: float) -> float:
        first, last = self._x
        return LEFT + (x - first) / ((last - first) or 1) * (WIDTH - LEFT - RIGHT)

    def up(self, y: float) -> float:
        low, high = self._y
        return HEIGHT - BOTTOM - (y - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def grid(self, *, percent: bool) -> list[str]:
        low, high = self._y
        parts = []
        for tick in range(TICKS + 1):
            y = low + (high - low) * tick / TICKS
            label = (
                f"{100 * y:.1f} %" if percent and high - low < 0.2 else f"{100 * y:.0f} %" if percent else f"{y:.3g}"
            )
            parts.append(
                f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{self.up(y):.1f}" y2="{self.up(y):.1f}" class="g"/>'
            )
            parts.append(f'<text x="{LEFT - 6}" y="{self.up(y) + 4:.1f}" text-anchor="end">{label}</text>')
        return parts


def bars(title: str, rows: Sequence[Bar], *, groups: Sequence[str]) -> str:
    """Return bars of shares from 0 (or below) to 1, with their intervals."""
    lows = [bar.value if bar.low is None else bar.low for bar in rows]
    frame = _Frame(x=(0, max(len(rows), 1)), y=(min(0.0, *lows, 0.0), 1.0))
    parts = frame.grid(percent=True)
    for place, bar in enumerate(rows):
        x, right = frame.across(place + 0.2), frame.across(place + 0.8)
        top, zero = sorted((frame.up(bar.value), frame.up(0)))
        colour = COLOURS[bar.group % len(COLOURS)]
        parts.append(
            f'<rect x="{x:.1f}" y="{top:.1f}" width="{right - x:.1f}" height="{zero - top:.1f}" fill="{colour}"/>'
        )
        middle = (x + right) / 2
        if bar.low is not None and bar.high is not None:
            low, high = frame.up(bar.low), frame.up(min(bar.high, 1.05))
            parts.append(f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="{low:.1f}" y2="{high:.1f}" class="i"/>')
        parts.append(
            f'<text x="{middle:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{escape(bar.name)}</text>'
        )
    return _svg(title, [*parts, *_legend(groups)])


def lines(
    title: str,
    rows: Sequence[Series],
    *,
    x_label: str,
    percent: bool = True,
    y: tuple[float, float] | None = None,
    diagonal: bool = False,
) -> str:
    """Return lines through points; with `diagonal` also the line on which both axes agree."""
    points = [point for series in rows for point in series.points] or [(0.0, 0.0)]
    x_span = (min(p[0] for p in points), max(p[0] for p in points))
    y_span = y or (min(p[1] for p in points), max(p[1] for p in points))
    frame = _Frame(x=(0.0, 1.0) if diagonal else x_span, y=(0.0, 1.0) if diagonal else y_span)
    parts = frame.grid(percent=percent)
    if diagonal:
        parts.append(
            f'<line x1="{frame.across(0):.1f}" y1="{frame.up(0):.1f}" x2="{frame.across(1):.1f}" '
            f'y2="{frame.up(1):.1f}" class="g" stroke-dasharray="4 4"/>'
        )
    for place, series in enumerate(rows):
        colour = COLOURS[place % len(COLOURS)]
        path = " ".join(f"{frame.across(px):.1f},{frame.up(py):.1f}" for px, py in series.points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for px, py in series.points if diagonal else ():
            parts.append(f'<circle cx="{frame.across(px):.1f}" cy="{frame.up(py):.1f}" r="3" fill="{colour}"/>')
    first, last = (0.0, 1.0) if diagonal else x_span
    for end in (first + (last - first) * tick / X_TICKS for tick in range(X_TICKS + 1)):
        text = f"{100 * end:.0f} %" if diagonal else f"{end:.3g}"
        parts.append(f'<text x="{frame.across(end):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{text}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>')
    return _svg(title, [*parts, *_legend([series.name for series in rows])])


def _legend(names: Sequence[str]) -> list[str]:
    parts = []
    for place, name in enumerate(names):
        y = TOP + 18 * place
        colour = COLOURS[place % len(COLOURS)]
        parts.append(f'<rect x="{WIDTH - RIGHT + 12}" y="{y}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 30}" y="{y + 10}">{escape(name)}</text>')
    return parts


def _svg(title: str, parts: Sequence[str]) -> str:
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title, quote=True)}">{"".join(parts)}</svg></figure>'
    )
