"""Tiny stores made by hand: every item and every line of them is named where it is used."""

from collections.abc import Sequence

import numpy as np

from pullsvc.backtest.model import HOUR_S, Dataset, Items, Log, Split
from pullsvc.backtest.rule import Books, Line, Rule, Setting
from pullsvc.backtest.shop import Morning, prompt_feed

DAY = 20_000  # A Wednesday.


def items(*, capacity: Sequence[int], pack: int = 4, mean: Sequence[float] | None = None) -> Items:
    n = len(capacity)
    return Items(
        sku=tuple(f"S{row}" for row in range(n)),
        department=("GROCERY",) * n,
        category=("TEA",) * n,
        price_cents=np.full(n, 250.0),
        case_pack=np.full(n, pack),
        capacity=np.array(capacity),
        mean_qty=np.array(mean if mean is not None else [2.0] * n),
    )


def log(*lines: tuple[float, int, int], day: int = DAY) -> Log:
    """Lines as (hour, item, qty), in order of time."""
    rows = np.array(lines, dtype=np.float64).reshape(-1, 3)
    return Log(
        day=np.full(len(rows), day),
        second=(rows[:, 0] * HOUR_S).astype(np.int64),
        item=rows[:, 1].astype(np.int64),
        qty=rows[:, 2].astype(np.int64),
    )


def morning(lines: Log, *, backroom: Sequence[int], recorded: Sequence[int] | None = None) -> Morning:
    return Morning(
        day=DAY,
        lines=lines,
        backroom=np.array(backroom),
        recorded=np.array(backroom if recorded is None else recorded),
        feed=prompt_feed(lines),
        thefts=np.zeros((0, 3)),
    )


def busy_store(*, seed: int = 1, n: int = 60, days: int = 12) -> Dataset:
    """Poisson lines from 07:00 to 22:00, some items fast, eight training days, two and two to play."""
    rng = np.random.default_rng(seed)
    pace = rng.gamma(0.8, 8.0, n)
    logs = []
    for day in range(DAY, DAY + days):
        count = rng.poisson(pace)
        item = np.repeat(np.arange(n), count)
        second = rng.integers(7 * HOUR_S, 22 * HOUR_S, len(item))
        order = np.argsort(second, kind="stable")
        qty = rng.integers(1, 4, len(item))
        logs.append(Log(day=np.full(len(item), day), second=second[order], item=item[order], qty=qty))
    whole = Log(
        **{name: np.concatenate([getattr(part, name) for part in logs]) for name in ("day", "second", "item", "qty")}
    )
    store = items(capacity=np.maximum(4, np.ceil(pace * 0.9)).astype(int).tolist(), mean=(pace * 2).tolist())
    last = DAY + days - 1
    split = Split(train=(DAY, last - 4), validate=(last - 3, last - 2), test=(last - 1, last))
    return Dataset(name="busy", items=store, log=whole, split=split)


class Once(Rule):
    """Brings the given lines when first asked at or after a moment, then nothing."""

    def __init__(self, setting: Setting, lines: Sequence[Line], *, at_s: float) -> None:
        super().__init__(setting)
        self.left = list(lines)
        self.at_s = at_s

    def ask(self, now_s: float, books: Books, *, worker: int) -> Sequence[Line]:
        if now_s < self.at_s:
            return ()
        tub, self.left = self.left, []
        return tub
