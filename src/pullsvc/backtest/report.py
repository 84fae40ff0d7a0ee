"""The report of a contest as one HTML file that a store manager can read: tables, plots, and what was left out."""

from collections.abc import Sequence
from html import escape

import numpy as np

from pullsvc.backtest import plots
from pullsvc.backtest.contest import BEST, LEVELS, MEANINGS, REFERENCE
from pullsvc.backtest.figures import HOURS, DayFigures, departments_of
from pullsvc.backtest.model import HOUR_S, OPENS_S, to_date
from pullsvc.backtest.outcome import Outcome

SHOWN = ("c", "d", "e", "x", "f")  # In the plots by hour; more lines cannot be told apart.
LEAD_SHARES = tuple(range(0, 100, 5))
DEPARTMENTS_MAX = 12
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:68rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .7rem;border-bottom:1px solid #ccc;text-align:right}
td{white-space:nowrap}
td:first-child,th:first-child,td:nth-child(2),th:nth-child(2){text-align:left}
figure{margin:1.5rem 0}figcaption{font-weight:600}svg{width:100%;height:auto;font:12px system-ui,sans-serif}
.g{stroke:#ddd}.i{stroke:#111;stroke-width:1.5}
"""


def render(outcome: Outcome, *, order: Sequence[str]) -> str:
    """Return the page.

    Args:
        outcome: What came out.
        order: Rules in the order in which they are told.
    """
    rules = outcome.rules(order)
    first, last = to_date(outcome.days[0]), to_date(outcome.days[-1])
    hands = ", ".join(f"{name} {factor * outcome.needed_h:.1f} h a day" for name, factor in LEVELS.items())
    parts = [
        f"<h1>Which rule keeps the shelves full? {escape(outcome.data.name)}</h1>",
        (
            f"<p>Real sales of {len(outcome.days)} days ({first} to {last}) were played through a store with full "
            "shelves in the morning and few hands. A unit that a customer wanted while its shelf was empty is lost. "
            f"Labour: {hands}. "
            "<b>Gap closed</b> tells how much of the way from the best common practice (rule c, 0 %) to perfect "
            "knowledge of the future (100 %) a rule goes.</p>"
        ),
        *_notes(outcome),
        *(_level(outcome, level, rules) for level in LEVELS),
        _gaps(outcome, rules),
        *(_by_hour(outcome, level, rules) for level in LEVELS),
        _by_department(outcome, rules),
        _leads(outcome, rules),
        _calibration(outcome),
        _labour(outcome, rules),
        _disturbed(outcome),
    ]
    head = f'<head><meta charset="utf-8"><title>Backtest</title><style>{STYLE}</style></head>'
    return f"<!doctype html><html lang='en'>{head}<body>{''.join(parts)}</body></html>\n"


def _notes(outcome: Outcome) -> list[str]:
    if not outcome.data.notes:
        return []
    return ["<p>Of the data:</p><ul>", *(f"<li>{escape(note)}</li>" for note in outcome.data.notes), "</ul>"]


def _level(outcome: Outcome, level: str, rules: Sequence[str]) -> str:
    rows = []
    for rule in rules:
        figures, gap = outcome.figures(rule, level), outcome.gap(rule, level)
        closed = "" if gap is None else "{} ({})".format(*gap.told)
        rows.append(
            (
                rule,
                MEANINGS.get(rule, "own rule"),
                f"{figures.lost:.1f}",
                closed,
                f"{100 * figures.availability:.2f} %",
                f"{100 * figures.availability_fast:.2f} %",
                f"{figures.lost_revenue:,.0f}",
                f"{100 * figures.utilisation:.0f} %",
                f"{figures.lead_mean_min:.0f} / {figures.lead_p90_min:.0f}",
                f"{100 * figures.found_empty:.0f} %",
            )
        )
    head = (
        "rule",
        "",
        "lost a day",
        "gap closed",
        "available",
        "fast items",
        "revenue lost",
        "labour",
        "lead min",
        "too late",
    )
    hours = LEVELS[level] * outcome.needed_h
    floor = (
        f"<p>No schedule could lose less than {outcome.least[level]:.0f} a day.</p>" if level in outcome.least else ""
    )
    return f"<h2>{level.capitalize()} labour, {hours:.1f} h a day</h2>{_table(head, rows)}{floor}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(word)}</th>" for word in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"


def _gaps(outcome: Outcome, rules: Sequence[str]) -> str:
    rows = []
    for rule in rules:
        if rule in ("a", "b1", "b2", REFERENCE, BEST):  # The first three are far below the reference.
            continue
        for group, level in enumerate(LEVELS):
            gap = outcome.gap(rule, level)
            if gap is not None and np.isfinite(gap.closed):
                rows.append(plots.Bar(rule, max(gap.closed, -1.0), max(gap.low, -1.0), gap.high, group))
    return plots.bars("Gap closed, with 95 % intervals", rows, groups=tuple(LEVELS)) if rows else ""


def _by_hour(outcome: Outcome, level: str, rules: Sequence[str]) -> str:
    series = []
    for rule in (rule for rule in rules if rule in SHOWN or rule not in MEANINGS):
        asked, lost = np.sum([day.by_hour for day in outcome.plain[rule, level]], axis=0)
        hours = [hour for hour in range(HOURS) if asked[hour] > 0]
        series.append(
            plots.Series(rule, [(OPENS_S // HOUR_S + hour, float(1 - lost[hour] / asked[hour])) for hour in hours])
        )
    return plots.lines(f"Share of demand met by hour of the day, {level}", series, x_label="hour of the day")


def _by_department(outcome: Outcome, rules: Sequence[str]) -> str:
    shown = [rule for rule in rules if rule in SHOWN]
    totals = {rule: np.sum([day.by_department for day in outcome.plain[rule, "tight"]], axis=0) for rule in shown}
    if not totals:
        return ""
    names = departments_of(outcome.data.items)
    asked = next(iter(totals.values()))[0]
    largest = [row for row in np.argsort(-asked, kind="stable").tolist() if asked[row] > 0][:DEPARTMENTS_MAX]
    rows = [
        (
            names[row],
            f"{asked[row] / len(outcome.days):,.0f}",
            *(f"{100 * (1 - totals[rule][1][row] / asked[row]):.2f} %" for rule in shown),
        )
        for row in largest
    ]
    return f"<h2>By department, tight labour</h2>{_table(('department', 'asked a day', *shown), rows)}"


def _leads(outcome: Outcome, rules: Sequence[str]) -> str:
    series = []
    for rule in (rule for rule in rules if rule in SHOWN and rule != BEST):
        lead_min = np.concatenate([day.lead_s for day in outcome.plain[rule, "tight"]]) / 60
        if len(lead_min):
            points = [(float(share), float(np.quantile(lead_min, share / 100))) for share in LEAD_SHARES]
            series.append(plots.Series(rule, points))
    title = "Minutes from wanting an item to the shelf, tight: so many percent are faster"
    return plots.lines(title, series, x_label="percent of deliveries", percent=False)


def _calibration(outcome: Outcome) -> str:
    series = []
    for level in LEVELS:
        count, said, empty = calibration_of(outcome.plain.get(("x", level), []))
        points = [
            (float(said[row] / count[row]), float(empty[row] / count[row]))
            for row in range(len(count))
            if count[row] >= 20
        ]
        if points:
            series.append(plots.Series(level, points))
    title = "What pullsvc said: chance that the shelf is empty before the tub lands, and how often it was"
    return plots.lines(title, series, x_label="said", diagonal=True) if series else ""


def calibration_of(days: Sequence[DayFigures]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return deliveries, sum of probabilities and empty shelves by bin; see `figures.CALIBRATION_EDGES`."""
    return np.sum([day.calibration for day in days], axis=0) if days else np.zeros((3, 0))


def _labour(outcome: Outcome, rules: Sequence[str]) -> str:
    rows = []
    for rule in rules:
        cells = []
        for level in LEVELS:
            figures = outcome.figures(rule, level)
            cells += [
                f"{figures.lines_per_1000:.0f}",
                f"{figures.trips_per_1000:.1f}",
                f"{100 * figures.overfill:.1f} %",
            ]
        rows.append((rule, MEANINGS.get(rule, "own rule"), *cells))
    head = ["rule", "", *(f"{what} {level}" for level in LEVELS for what in ("lines", "trips", "brought back"))]
    return f"<h2>Work per 1,000 units sold</h2>{_table(head, rows)}"


def _disturbed(outcome: Outcome) -> str:
    rows = []
    for name, rule, level in outcome.disturbed:
        kept = outcome.advantage_kept(name, rule, level)
        lost = float(np.mean([day.lost for day in outcome.disturbed[name, rule, level]]))
        rows.append(
            (name, rule, level, f"{lost:.1f}", "" if kept is None or rule == REFERENCE else f"{100 * kept:.0f} %")
        )
    head = ("what goes wrong", "rule", "labour", "lost a day", "advantage over c kept")
    return f"<h2>When things go wrong</h2>{_table(head, sorted(rows))}" if rows else ""
