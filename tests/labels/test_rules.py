"""A scan of a label leads to the thing that the label is on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsvc.catalog import gs1
from pullsvc.catalog.rules import UnreadableCode, place_code, read_scan
from pullsvc.labels import rules

SSCC = "106141412345678908"
GRAI = "04012345123456ABC123"

plates = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", fullmatch=True)
sscc = st.from_regex(r"[0-9]{17}", fullmatch=True).map(lambda payload: payload + gs1.check_digit(payload))
grai = st.tuples(st.from_regex(r"0[0-9]{12}", fullmatch=True), st.from_regex(r"[A-Za-z0-9]{0,16}", fullmatch=True)).map(
    lambda parts: parts[0] + gs1.check_digit(parts[0]) + parts[1]
)


class TestOfTub:
    @given(plate=plates | sscc | grai)
    def test_reads_back_as_the_tub(self, plate: str) -> None:
        try:
            registered = place_code(plate)
        except UnreadableCode:
            return  # No tub can have this plate.
        label = rules.of_tub(registered, store="Main Street")

        assert place_code(label.scan) == registered

    @pytest.mark.parametrize(
        ("plate", "title"), [(SSCC, "(00) 106141 412345 678908"), (GRAI, "(8003) 040123 451234 56ABC1 23")]
    )
    def test_prints_the_numbers_of_gs1_as_such(self, plate: str, title: str) -> None:
        label = rules.of_tub(plate, store="Main Street")

        assert (label.is_gs1, label.title) == (True, title)
        assert label.title.replace(" ", "").replace("(", "").replace(")", "") == label.scan

    def test_leaves_a_plate_of_the_store_as_it_is(self) -> None:
        label = rules.of_tub("TUB-0042", store="Main Street")

        assert (label.scan, label.title, label.is_gs1) == ("TUB-0042", "TUB-0042", False)


class TestCommands:
    @pytest.mark.parametrize("command", rules.COMMANDS, ids=lambda command: command.word)
    def test_are_never_taken_for_a_code(self, command: rules.Command) -> None:
        with pytest.raises(UnreadableCode):
            read_scan(rules.of_command(command).scan)

    def test_are_all_different(self) -> None:
        assert len({command.word for command in rules.COMMANDS}) == len(rules.COMMANDS)
