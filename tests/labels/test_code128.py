"""Bars are read back as what they were made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsvc.labels.code128 import encode
from tests.labels.scanner import bars_scan

printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40)
in_house = st.from_regex(r"[A-Z0-9][A-Z0-9.-]{2,30}", fullmatch=True)


class TestEncode:
    @given(text=printable | in_house | st.from_regex(r"[0-9]{2,40}", fullmatch=True))
    def test_is_read_back(self, text: str) -> None:
        bars = encode(text)

        assert sum(bars.widths()) == bars.modules
        if len(bars.values) > 5:  # Shorter than any label of ours, and scanners take it for noise.
            assert bars_scan(bars.widths()) == ("]C0", text)

    @pytest.mark.parametrize("element", ["00106141412345678908", "800304012345123456ABC123"])
    def test_gs1_is_told_from_plain(self, element: str) -> None:
        identifier, text = bars_scan(encode(element, is_gs1=True).widths())

        assert (identifier, text.replace("(", "").replace(")", "")) == ("]C1", element)

    def test_digits_at_the_front_take_half_the_room(self) -> None:
        assert len(encode("106141412345678908").values) == len("106141412345678908") // 2 + 3

    @pytest.mark.parametrize("text", ["", "É", "a\tb"])
    def test_refuses_what_it_cannot_say(self, text: str) -> None:
        with pytest.raises(ValueError, match="ASCII"):
            encode(text)
