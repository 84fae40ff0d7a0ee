"""Reading by the column: it takes what the models take, as they take it, and leaves the rest to them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from pullsvc.sales import reading
from pullsvc.sales.bodies import LeanReceiptBody, ReceiptBody
from pullsvc.sales.rules import Receipt

HEAD = {"business_date": "2026-03-14", "register": " 4 ", "occurred_at": "2026-03-14T13:58:07+02:00"}
ONE_BY_ONE: dict[Any, Any] = {reading.full: TypeAdapter(ReceiptBody), reading.lean: TypeAdapter(LeanReceiptBody)}
ODD: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -2,
    0.5,
    1.0,
    1e300,
    "1",
    "0.420",
    "0.0001",
    "",
    "mi\x00lk",
    "sale",
    "kg",
    [],
    {},
    2**70,
]
odd = st.sampled_from(ODD)


def line(number: int, **more: object) -> dict[str, Any]:
    return {"line_no": number, "code": "4006381333931", "quantity": number, **more}


USUAL: dict[Any, dict[str, Any]] = {
    reading.full: {**HEAD, "lines": [line(1), line(2, kind="return", uom="kg", quantity="0.42"), line(3, quantity=-1)]},
    reading.lean: {**HEAD, "codes": ["milk", " 4011"], "quantities": [2, 0.42], "uoms": ["each", "kg"], "kinds": None},
}
MORE = {"revision": 7, "status": "voided", "line_nos": [2, 1], "locations": [None, "A1"], "tender": "4111"}


@st.composite
def documents(draw: st.DrawFn, usual: dict[str, Any]) -> list[dict[str, Any]]:
    """Receipts as tills send them, some with one thing about them changed, left out or added."""
    sent = []
    for sequence in range(draw(st.integers(1, 3))):
        one = {**usual, "sequence": sequence}
        place = draw(st.sampled_from([None, *one, *MORE]))
        if place is not None:
            if draw(st.booleans()):
                one[place] = draw(odd)
            elif place in MORE:
                one[place] = MORE[place]
            elif isinstance(one[place], list):
                spot = draw(st.integers(0, len(one[place]) - 1))
                was = one[place][spot]
                now = (
                    {**was, draw(st.sampled_from([*was, "tender"])): draw(odd)} if isinstance(was, dict) else draw(odd)
                )
                one[place] = [*one[place][:spot], now, *one[place][spot + 1 :]]
            else:
                del one[place]
        sent.append(one)
    return sent


def by_the_models(read: Any, sent: list[dict[str, Any]]) -> list[Receipt] | None:
    try:
        return listed([ONE_BY_ONE[read].validate_json(to_json(one)).receipt() for one in sent])
    except ValidationError:
        return None


def listed(receipts: list[Receipt]) -> list[Receipt]:
    """The receipts with lists as columns: a range of numbers is as good as they are."""
    return [one._replace(lines=one.lines.at(range(one.line_count))) for one in receipts]


@pytest.mark.parametrize("read", USUAL)
class TestPlain:
    @given(data=st.data())
    def test_reads_as_the_models_do_or_not_at_all(
        self, read: Callable[[Any], list[Receipt]], data: st.DataObject
    ) -> None:
        sent = data.draw(documents(USUAL[read]))
        try:
            plain = reading.plain(read, {"receipts": sent})
        except reading.NotPlain:
            return
        assert listed(plain) == by_the_models(read, sent)

    def test_takes_what_tills_send(self, read: Callable[[Any], list[Receipt]]) -> None:
        """Else the models would do all the work, and nobody would see it but in the bill."""
        sent = [{**USUAL[read], "sequence": 1}, {**USUAL[read], "sequence": 2, "revision": 3, "status": "voided"}]

        assert listed(reading.plain(read, {"receipts": sent})) == by_the_models(read, sent)

    @pytest.mark.parametrize("document", [[], {}, {"receipts": []}, {"receipts": [1]}, {"receipts": None, "more": 1}])
    def test_leaves_other_documents_to_the_models(self, read: Callable[[Any], list[Receipt]], document: Any) -> None:
        with pytest.raises(reading.NotPlain):
            reading.plain(read, document)

    def test_never_takes_a_truth_for_a_one(self, read: Callable[[Any], list[Receipt]]) -> None:
        """The two are equal to Python, and what equals something remembered would be taken for it."""
        sent = [
            {
                **USUAL[read],
                "sequence": 1,
                **({"lines": [line(1, quantity=one)]} if read is reading.full else {"quantities": [one, one]}),
            }
            for one in (1.0, True)
        ]

        assert by_the_models(read, sent) is None
        with pytest.raises(reading.NotPlain):
            reading.plain(read, {"receipts": sent})
