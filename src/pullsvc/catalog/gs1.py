"""Numbers with a check digit, and the numbers that a scale prints: GTIN-14 as the one form of all of them.

Pure, and without a parser in between: a batch of a thousand sale lines comes through here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from biip import ParseError
from biip.checksums import gs1_price_weight_check_digit
from biip.upc import Upc

GTIN_DIGITS = 14
GTIN_LENGTHS = frozenset({8, 12, 13, 14})
UPC_E_DIGITS = 8
MAX_PLU_DIGITS = 5


class Measure(StrEnum):
    """What a scale prints into the number of a weighed item."""

    PRICE = "price"
    WEIGHT = "weight"


@dataclass(frozen=True, slots=True)
class MeasureRule:
    """Where the number of a weighed item holds its price or weight; positions within the 13 digits.

    Attributes:
        measure: What is printed.
        first: Position of the first digit of the value; what stands before it identifies the item.
        verifier: Position of the value's own check digit, None when there is none.
    """

    measure: Measure
    first: int
    verifier: int | None = None

    @property
    def zeroed_from(self) -> int:
        """Return the first position that says nothing about which item it is."""
        return self.first if self.verifier is None else min(self.first, self.verifier)


# By the first two of 13 digits. 02 is the UPC-A of number system 2 (`2 iiiii v pppp c`), 20-29 are for the retailer
# to define: five digits of item, then five of price, unless a table of the store's own says otherwise.
MEASURE_RULES: Mapping[str, MeasureRule] = {
    "02": MeasureRule(Measure.PRICE, first=8, verifier=7),
    **{str(prefix): MeasureRule(Measure.PRICE, first=7) for prefix in range(20, 30)},
}


@dataclass(frozen=True, slots=True)
class Weighed:
    """The number of a weighed item, taken apart.

    Attributes:
        code: GTIN-14 with value, verifier zeroed and the check digit made anew: the same for each pack of the item.
        price_cents: Printed price in the smallest coin; None: not printed, or its verifier does not fit.
        weight_g: Printed weight in grams; None: not printed.
        misread: The value does not fit its own verifier.
    """

    code: str
    price_cents: int | None = None
    weight_g: int | None = None
    misread: bool = False


def is_digits(text: str) -> bool:
    """Tell whether the text is one or more ASCII digits."""
    return text.isascii() and text.isdigit()


def check_digit(payload: str) -> str:
    """Return the GS1 check digit that belongs behind the digits of `payload`."""
    threefold, single = payload[::-2], payload[-2::-2]
    return str(-(3 * sum(map(int, threefold)) + sum(map(int, single))) % 10)


def checks(digits: str) -> bool:
    """Tell whether the last digit is the check digit of those before it."""
    return check_digit(digits[:-1]) == digits[-1]


def gtin14(digits: str) -> str | None:
    """Return the GTIN-14 of a GTIN-8, -12, -13 or -14; None when the check digit is wrong."""
    return digits.zfill(GTIN_DIGITS) if len(digits) in GTIN_LENGTHS and checks(digits) else None


def upc_e(digits: str) -> str | None:
    """Return the GTIN-14 of a UPC-E of 6, 7 or 8 digits; None when it is none."""
    if len(digits) not in (6, 7, 8):
        return None
    try:
        return Upc.parse(digits).as_upc_a().zfill(GTIN_DIGITS)
    except ParseError:
        return None


def plu(digits: str) -> str | None:
    """Return the price look-up number that a till padded to the length of a barcode; None when it is none.

    GS1 gives nobody a GTIN of so few digits, so the number is read as one even where its last digit would do as a
    check digit.
    """
    significant = digits.lstrip("0")
    return significant if len(digits) in GTIN_LENGTHS and 0 < len(significant) <= MAX_PLU_DIGITS else None


def weighed(gtin: str, rules: Mapping[str, MeasureRule] = MEASURE_RULES) -> Weighed | None:
    """Take the number of a weighed item apart; None for any other GTIN-14."""
    rule = rules.get(gtin[1:3]) if gtin[0] == "0" else None
    if rule is None:
        return None
    digits = gtin[1:]
    payload = digits[: rule.zeroed_from].ljust(12, "0")
    code = "0" + payload + check_digit(payload)
    value = digits[rule.first : 12]
    if rule.verifier is not None and gs1_price_weight_check_digit(value) != int(digits[rule.verifier]):
        return Weighed(code=code, misread=True)
    amount = int(value) or None
    if rule.measure is Measure.PRICE:
        return Weighed(code=code, price_cents=amount)
    return Weighed(code=code, weight_g=amount)
