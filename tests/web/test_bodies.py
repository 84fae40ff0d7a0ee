"""Bodies as they come: values of another kind are refused, and times are such that everything can reckon with them."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import httpx
import pytest
from pydantic import Field, TypeAdapter, ValidationError

from pullsvc.db import Database
from pullsvc.web.bodies import Body, Day, Moment
from tests.factories import NOON, Floor, all_rows, floor, stocked

MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
DAY: TypeAdapter[date] = TypeAdapter(Day)


class Shelf(Body):
    qty: int = 0
    fill: Annotated[float, Field(allow_inf_nan=False)] = 0
    active: bool = True
    seen_at: Moment | None = None


class TestBody:
    @pytest.mark.parametrize(
        "wrong",
        [{"qty": False}, {"qty": "7"}, {"qty": 1.5}, {"fill": True}, {"active": 0}, {"active": "yes"}, {"seen": 1}],
    )
    def test_refuses_values_of_another_kind_and_unknown_members(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            Shelf.model_validate(wrong)

    def test_takes_what_the_contract_says(self) -> None:
        shelf = Shelf.model_validate({"qty": 7, "fill": 1, "active": False, "seen_at": "2026-03-14T12:00:00Z"})

        assert (shelf.qty, shelf.fill, shelf.active, shelf.seen_at) == (7, 1.0, False, NOON)


class TestMoment:
    def test_is_in_utc_wherever_it_was_written(self) -> None:
        """An offset of almost a day is valid, and the database does not know it."""
        moment = MOMENT.validate_python("2026-03-15T11:59:00+23:59")

        assert moment == NOON
        assert moment.utcoffset() == timedelta(0)
        assert moment.tzinfo is UTC

    @pytest.mark.parametrize(
        "wrong",
        ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1999-12-31T23:59:59Z", "2026-03-14T12:00:00",
         "2026-03-14", 1_773_489_600, "1773489600", 1e30, True],
    )  # fmt: skip
    def test_is_written_out_with_its_offset_in_years_to_reckon_with(self, wrong: object) -> None:
        with pytest.raises(ValidationError):
            MOMENT.validate_python(wrong)


class TestDay:
    def test_is_written_out(self) -> None:
        assert DAY.validate_python("2026-03-14") == NOON.date()
        for number in (0, "0", "1773446400"):
            with pytest.raises(ValidationError):
                DAY.validate_python(number)


class TestOverHttp:
    """The same through the routes that lead to the database."""

    @pytest.fixture
    async def shop(self, db: Database, client: httpx.AsyncClient) -> Floor:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"BR-1": 24})
        return shop

    @pytest.mark.parametrize("due_at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 0])
    async def test_a_promise_beyond_all_years_is_refused(self, shop: Floor, due_at: object) -> None:
        answer = await shop.post("asks", {"code": "milk", "due_at": due_at}, by="ana")

        assert answer.status_code == 422

    async def test_an_act_with_any_valid_offset_is_booked(self, shop: Floor, db: Database) -> None:
        count = {"code": "milk", "location": "BR-1", "counted_qty": 20, "occurred_at": "2026-03-15T11:58:00+23:59"}

        answer = await shop.post("counts", count)

        assert answer.status_code == 201
        (told,) = await all_rows(db, "events", kind="stock.counted")
        assert told["occurred_at"] == NOON - timedelta(minutes=1)

    async def test_a_false_is_no_count_of_zero(self, shop: Floor, db: Database) -> None:
        answer = await shop.post("counts", {"code": "milk", "location": "BR-1", "counted_qty": False})

        assert answer.status_code == 422
        assert await all_rows(db, "counts") == []
