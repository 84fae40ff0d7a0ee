"""What a bench finds, as values that go to JSON and come back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Self

from pullsvc.bench.meter import Reading
from pullsvc.bench.stats import Latency, Tally, latency

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure.

    Attributes:
        seconds: Length of a measured span.
        warm_s: Not measured before the first.
        repeat: Spans, one right after the other.
        workers: Processes of the service that take requests.
        processes: Load generators.
        seed: Of every draw.
        limit: Whether to measure PostgreSQL's own limit, too.
        limit_clients: Connections that pgbench uses.
    """

    seconds: float = 8.0
    warm_s: float = 3.0
    repeat: int = 3
    workers: int = 1
    processes: int = 1
    seed: int = 1
    limit: bool = True
    limit_clients: int = 8


@dataclass(frozen=True, slots=True)
class Span:
    """One measured stretch of time.

    Attributes:
        seconds: Its length.
        acts: How many acts of the case ended in it.
        calls: Latency of the HTTP calls by kind.
        cores: Processor time by party (app, postgres, load) per second.
        statements_per_act: With BEGIN and COMMIT; None: not known.
        wal_bytes_per_act: Of the whole server.
        app_mib: Resident memory of the service's largest process at the end.
    """

    seconds: float
    acts: int
    calls: Mapping[str, Latency]
    cores: Mapping[str, float]
    statements_per_act: float | None
    wal_bytes_per_act: float
    app_mib: float

    @property
    def per_s(self) -> float:
        """Acts a second."""
        return self.acts / self.seconds


@dataclass(frozen=True, slots=True)
class Limit:
    """What PostgreSQL does when pgbench sends it the service's own statements.

    Attributes:
        per_s: Acts of the case a second.
        kinds: Of each kind of act alone: how many a second, after the cost of fetching the parameters is taken off.
        counts: How many of each kind an act of the case takes.
        clients: Connections.
        statements: Of each kind, how many statements a transaction has, with BEGIN and COMMIT.
        covered: Of each kind, the share of the captured transactions that was run.
        fetch_share: Of each kind, the share of the measured time that went into fetching the parameters.
    """

    per_s: float
    kinds: Mapping[str, float]
    counts: Mapping[str, float]
    clients: int
    statements: Mapping[str, float]
    covered: Mapping[str, float]
    fetch_share: Mapping[str, float]


@dataclass(slots=True)
class Case:
    """One row of the result.

    Attributes:
        name: Unique within a scenario, and the same in each run: what comparisons go by.
        unit: What an act is made of: `cycle`, `claim`, `line` ...
        units_per_act: How many of them.
        clients: Closed-loop clients.
        spans: The measured stretches.
        limit: What pgbench reached, if it ran.
        facts: What else there is to tell.
    """

    name: str
    unit: str
    clients: int
    spans: list[Span]
    units_per_act: float = 1
    limit: Limit | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def rates(self) -> list[float]:
        """Units a second in each span."""
        return [span.per_s * self.units_per_act for span in self.spans]

    @property
    def per_s(self) -> float:
        """Units a second, median of the spans."""
        return median(self.rates)

    @property
    def limit_per_s(self) -> float | None:
        """Units a second that pgbench reached."""
        return self.limit.per_s * self.units_per_act if self.limit else None

    def worst(self, figure: str) -> float:
        """Return the largest value of a Latency's figure over the kinds of calls, median of the spans."""
        return float(median(max(getattr(one, figure) for one in span.calls.values()) for span in self.spans))

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what `as_json` wrote."""
        spans = [
            Span(**{**span, "calls": {kind: Latency(**one) for kind, one in span["calls"].items()}})
            for span in value["spans"]
        ]
        known = {name: value[name] for name in ("name", "unit", "clients", "units_per_act", "facts")}
        return cls(**known, spans=spans, limit=Limit(**value["limit"]) if value["limit"] else None)


@dataclass(slots=True)
class Result:
    """What one run of a scenario found.

    Attributes:
        scenario: Its name.
        machine: Cores, memory, versions, settings.
        options: How it was measured.
        cases: Its rows.
    """

    scenario: str
    machine: dict[str, Any]
    options: dict[str, Any]
    cases: list[Case] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values; every case with its median, for readers that do not compute."""
        cases = [{**asdict(case), "per_s": case.per_s, "limit_per_s": case.limit_per_s} for case in self.cases]
        return {"format": FORMAT, **asdict(self), "cases": cases}

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what `as_json` wrote.

        Raises:
            ValueError: another version of the bench wrote it.
        """
        if value.get("format") != FORMAT:
            raise ValueError(f"written in format {value.get('format')}, this version reads {FORMAT}")
        cases = [Case.of_json(case) for case in value["cases"]]
        return cls(value["scenario"], dict(value["machine"]), dict(value["options"]), cases)


def span_of(pieces: Sequence[tuple[Reading, Reading]], tally: Tally, *, act: str) -> Span:
    """Return the span that the pieces make together; what lies between two of them does not count.

    Args:
        pieces: The counters at the begin and at the end of each.
        tally: All calls, and the acts under the name `act`; acts are no calls unless nothing else was noted.
        act: What counts.
    """
    took: dict[str, list[float]] = {}
    for first, last in pieces:
        for kind, times in tally.between(first.at, last.at).items():
            took.setdefault(kind, []).extend(times)
    calls = {kind: latency(times) for kind, times in took.items() if times and (kind != act or len(took) == 1)}
    seconds = _grown(pieces, "at")
    acts = len(took.get(act, ()))
    parties = {"app": "app_s", "postgres": "postgres_s", "load": "load_s"}
    grown = {who: _grown(pieces, name) for who, name in parties.items() if getattr(pieces[0][0], name) is not None}
    counts_statements = pieces[0][0].statements is not None
    return Span(
        seconds=round(seconds, 4),
        acts=acts,
        calls=calls,
        cores={who: round(used / seconds, 3) for who, used in grown.items()},
        statements_per_act=_grown(pieces, "statements") / max(acts, 1) if counts_statements else None,
        wal_bytes_per_act=_grown(pieces, "wal_bytes") / max(acts, 1),
        app_mib=pieces[-1][1].app_mib,
    )


def _grown(pieces: Sequence[tuple[Reading, Reading]], name: str) -> float:
    return float(sum(getattr(last, name) - getattr(first, name) for first, last in pieces))
