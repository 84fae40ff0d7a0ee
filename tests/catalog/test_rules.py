"""Codes: every form of a number leads to one stored form, and a wrong digit leads nowhere."""

import string

import pytest
from biip.checksums import gs1_price_weight_check_digit
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pullsvc.catalog import gs1, rules
from pullsvc.catalog.rules import ScanKind, UnreadableCode, check_place, check_sku, normal_code, read_scan

GTIN = "09521234543213"
SSCC = "106141412345678908"
GRAI = "09521234543213TUB7"
GS = "\x1d"


def with_check(payload: str) -> str:
    return payload + gs1.check_digit(payload)


def digits(length: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=length, max_size=length)


def is_plain_gtin(number: str) -> bool:
    """Neither a till's padded PLU, nor a scale's number, nor eight digits that are a UPC-E first."""
    padded = number.zfill(14)
    significant = len(number.lstrip("0"))
    upc_e_first = len(number) == 8 and number.startswith("0") and gs1.upc_e(number) is not None
    return significant > gs1.MAX_PLU_DIGITS and gs1.weighed(padded) is None and not upc_e_first


gtins = st.sampled_from([7, 11, 12, 13]).flatmap(digits).map(with_check)


class TestNormalCode:
    @given(number=gtins)
    @example(number="96385074")
    @example(number="036000291452")
    @example(number="4006381333931")
    @example(number="10012345678902")
    def test_gives_the_gtin_14_of_every_length(self, number: str) -> None:
        assume(is_plain_gtin(number))

        assert normal_code(number) == number.zfill(14)
        assert normal_code(f"]C101{number.zfill(14)}") == number.zfill(14)
        assert normal_code(f"(01){number.zfill(14)}(21)7") == number.zfill(14)
        assert normal_code(f"https://id.example.com/01/{number.zfill(14)}") == number.zfill(14)

    @given(number=gtins)
    def test_changes_nothing_when_asked_again(self, number: str) -> None:
        assume(number.strip("0"))
        once = normal_code(number)

        assert normal_code(once) == once

    @given(number=gtins, place=st.integers(0, 13), added=st.integers(1, 9))
    def test_refuses_one_wrong_digit(self, number: str, place: int, added: int) -> None:
        """A check digit sees every single wrong digit; eight digits may be a UPC-E or an article number instead."""
        place %= len(number)
        wrong = number[:place] + str((int(number[place]) + added) % 10) + number[place + 1 :]
        padded = wrong.zfill(14)
        assume(len(wrong.lstrip("0")) > gs1.MAX_PLU_DIGITS)

        for raw in (padded, f"]C101{padded}", f"01{padded}", f"(01){padded}", f"https://x.example/01/{padded}"):
            with pytest.raises(UnreadableCode, match="check digit"):
                normal_code(raw)
        if len(wrong) == 8:
            with pytest.raises(UnreadableCode, match="check digit"):
                normal_code(f"]E4{wrong}")
        else:
            with pytest.raises(UnreadableCode, match="check digit"):
                normal_code(wrong)

    @given(raw=st.text(max_size=60) | st.text(string.printable + GS, max_size=60) | gtins)
    @example(raw="http://[")
    @example(raw="https://x.example/01/%D9%A3%D9%A39521234543213")
    @example(raw="]")
    @example(raw="]C1")
    @example(raw="(01")
    @example(raw="]C131039")
    def test_gives_a_storable_code_or_refuses_whatever_is_sent(self, raw: str) -> None:
        try:
            code = normal_code(raw)
        except UnreadableCode:
            return
        assert 1 <= len(code) <= rules.MAX_CODE_CHARS
        assert code.isascii()
        assert normal_code(code) == code

    @given(prefix=st.sampled_from(["]C1", "]e0", "]d2", "]Q3", ""]), body=st.text("0123456789AZ()|" + GS, max_size=50))
    def test_never_guesses_from_element_strings(self, prefix: str, body: str) -> None:
        try:
            code = normal_code(prefix + body)
        except UnreadableCode:
            return
        if prefix:
            assert code == "".join(filter(str.isdigit, code))
            assert gs1.checks(code)

    @pytest.mark.parametrize("sku", ["4011", "94011", "sku-1", "1082185", "12345678", "A.b_c", "x" * 40])
    def test_leaves_in_house_codes_as_they_are(self, sku: str) -> None:
        assert normal_code(f" {sku}\r\n") == sku
        assert normal_code(f"]C0{sku}") == sku

    @pytest.mark.parametrize("padded", ["00004011", "000000004011", "0000000004011", "00000000004011"])
    def test_takes_the_zeros_from_a_padded_plu(self, padded: str) -> None:
        assert normal_code(padded) == "4011"

    @pytest.mark.parametrize(
        "raw",
        ["", "   ", "x" * 41, "A B", "A/B", "milch\u00fc", "a\x00b", "a\tb", "0" * 14, "]E1" + "12", "\u0663" * 13],
    )
    def test_refuses_garbage(self, raw: str) -> None:
        with pytest.raises(UnreadableCode):
            normal_code(raw)

    @pytest.mark.parametrize("raw", [f"]C100{SSCC}", f"]C18003{GRAI}", f"https://x.example/8003/{GRAI}"])
    def test_takes_no_tub_for_an_item(self, raw: str) -> None:
        with pytest.raises(UnreadableCode, match="tub"):
            normal_code(raw)

    def test_refuses_an_endless_scan_before_reading_it(self) -> None:
        with pytest.raises(UnreadableCode, match="400"):
            normal_code("(01)" * 100_000)


class TestUpcE:
    @pytest.mark.parametrize("raw", ["]E00425261", "]E004252614", "04252614", "042100005264", "]E00042100005264"])
    def test_is_expanded(self, raw: str) -> None:
        assert normal_code(raw) == "00042100005264"

    def test_six_digits_without_the_scanners_word_are_an_article_number(self) -> None:
        assert normal_code("425261") == "425261"
        assert normal_code("]E0425261") == "00042100005264"

    def test_a_gtin_8_that_does_not_begin_with_0_stays_one(self) -> None:
        both = next(n for n in (with_check(f"1{k:06d}") for k in range(10**6)) if gs1.upc_e(n))

        assert normal_code(both) == both.zfill(14)
        assert normal_code(f"]E4{both}") == both.zfill(14)


class TestWeighed:
    def test_upc_a_of_number_system_2_gives_item_and_price(self) -> None:
        verifier = gs1_price_weight_check_digit("1234")
        scan = read_scan(with_check(f"234567{verifier}1234"))

        assert scan.code == with_check("0023456700000")
        assert scan.price_cents == 1234
        assert scan.warning is None

    def test_each_pack_of_an_item_has_one_code(self) -> None:
        codes = {normal_code(with_check(f"2345670{price:04d}")) for price in range(0, 9999, 7)}

        assert codes == {with_check("0023456700000")}

    def test_a_price_that_was_misread_is_left_out(self) -> None:
        wrong = (gs1_price_weight_check_digit("1234") + 1) % 10
        scan = read_scan(with_check(f"234567{wrong}1234"))

        assert scan.price_cents is None
        assert scan.warning is not None

    @pytest.mark.parametrize("prefix", [str(n) for n in range(20, 30)])
    def test_ean_20_to_29_gives_item_and_price(self, prefix: str) -> None:
        scan = read_scan(with_check(f"{prefix}3456701234"))

        assert scan.code == with_check(f"0{prefix}3456700000")
        assert scan.price_cents == 1234

    def test_the_table_decides(self) -> None:
        by_weight = {"28": gs1.MeasureRule(gs1.Measure.WEIGHT, first=7)}
        apart = gs1.weighed(with_check("0283456701234"), by_weight)

        assert apart is not None
        assert (apart.weight_g, apart.price_cents) == (1234, None)
        assert gs1.weighed(with_check("0273456701234"), by_weight) is None

    def test_a_case_of_indicator_digit_is_no_weighed_item(self) -> None:
        assert gs1.weighed(with_check("1203456701234")) is None


class TestReadScan:
    def test_reads_serial_lot_count_and_weight(self) -> None:
        scan = read_scan(f"]C101{GTIN}310300125010A1{GS}21S9{GS}3012")

        assert (scan.kind, scan.code, scan.lot, scan.serial) == (ScanKind.ITEM, GTIN, "A1", "S9")
        assert (scan.weight_g, scan.count, scan.warning) == (1250, 12, None)

    def test_reads_pounds_as_grams(self) -> None:
        assert read_scan(f"]e001{GTIN}3202000250").weight_g == 1134

    @pytest.mark.parametrize("separator", [GS, "|", "~", "^"])
    def test_takes_any_separator_that_a_scanner_may_be_set_to(self, separator: str) -> None:
        scan = read_scan(f"]C1{separator}01{GTIN}10A1{separator}21S9{separator}")

        assert (scan.lot, scan.serial, scan.warning) == ("A1", "S9", None)

    def test_warns_when_the_separator_was_lost(self) -> None:
        scan = read_scan(f"01{GTIN}10A121S9")

        assert scan.code == GTIN
        assert "separator" in (scan.warning or "")

    def test_reads_what_is_printed_below_the_bars(self) -> None:
        scan = read_scan(f"(01) {GTIN} (10) A1 (21) S9")

        assert (scan.code, scan.lot, scan.serial) == (GTIN, "A1", "S9")

    def test_reads_a_digital_link(self) -> None:
        scan = read_scan(f"]Q1https://id.example.com/some/01/{GTIN.lstrip('0')}/10/A%2F1/21/S9?17=261231&utm=x")

        assert (scan.code, scan.lot, scan.serial) == (GTIN, "A/1", "S9")

    def test_reads_what_a_pallet_holds_as_an_item(self) -> None:
        scan = read_scan(f"]C100{SSCC}02{GTIN}3724")

        assert (scan.kind, scan.code, scan.sscc, scan.count) == (ScanKind.ITEM, GTIN, SSCC, 24)

    def test_a_bad_date_does_not_hide_the_item(self) -> None:
        assert read_scan(f"]C101{GTIN}17000000").code == GTIN

    @pytest.mark.parametrize("raw", [f"]C100{SSCC}", f"00{SSCC}", f"(00){SSCC}", f"https://x.example/00/{SSCC}"])
    def test_reads_a_tub_by_sscc(self, raw: str) -> None:
        scan = read_scan(raw)

        assert (scan.kind, scan.code, scan.sscc) == (ScanKind.TUB, SSCC, SSCC)

    @pytest.mark.parametrize("raw", [f"]C18003{GRAI}", f"8003{GRAI}", f"]Q1https://x.example/8003/{GRAI}"])
    def test_reads_a_tub_by_grai(self, raw: str) -> None:
        scan = read_scan(raw)

        assert (scan.kind, scan.code, scan.grai) == (ScanKind.TUB, GRAI, GRAI)

    @pytest.mark.parametrize(
        "raw", ["]C100106141412345678907", "00106141412345678907", "]C1800309521234543212TUB7", "]C10109521234543212"]
    )
    def test_says_that_the_check_digit_is_wrong(self, raw: str) -> None:
        with pytest.raises(UnreadableCode, match="check digit"):
            read_scan(raw)

    def test_reads_a_plain_plate(self) -> None:
        assert read_scan("]C0TUB-0042") == rules.Scan(kind=ScanKind.TUB, code="TUB-0042")

    def test_reads_a_location(self) -> None:
        assert read_scan("BR-A-03-2").kind is ScanKind.LOCATION_OR_CODE

    def test_takes_the_ean_before_its_add_on(self) -> None:
        assert read_scan("]E3" + GTIN[1:] + "05").code == GTIN

    def test_refuses_a_label_without_an_item(self) -> None:
        with pytest.raises(UnreadableCode, match="no item"):
            read_scan("]C121S9")


class TestOwnCodes:
    @pytest.mark.parametrize("sku", ["1082185", "12345678", "4011", "96385074", "036000291452", GTIN, "milk-1l"])
    def test_a_sku_that_a_scan_leads_back_to_passes(self, sku: str) -> None:
        check_sku(sku)

    @pytest.mark.parametrize("sku", ["036000291453", "00004011", "04252614", "2034567012346"])
    def test_a_sku_that_would_be_read_as_another_code_does_not(self, sku: str) -> None:
        with pytest.raises(UnreadableCode):
            check_sku(sku)

    @pytest.mark.parametrize("place", ["BR-A-03-2", "RECEIVING", "TUB-0042", SSCC, GRAI, "1234"])
    def test_a_place_that_a_scan_leads_back_to_passes(self, place: str) -> None:
        check_place(place)

    @pytest.mark.parametrize("place", ["036000291452", "A 1", "00004011"])
    def test_a_place_that_would_be_read_as_another_code_does_not(self, place: str) -> None:
        with pytest.raises(UnreadableCode):
            check_place(place)
