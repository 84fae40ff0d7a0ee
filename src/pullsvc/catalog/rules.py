"""What a scan is: an item, a tub, or a plain code; and the one form in which codes are stored and compared.

The grammar of GS1 element strings and Digital Links is biip's. Around it stand guards, because biip reads anything
that begins with digits as some element, and returns an item number even when its check digit is wrong.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from biip import ParseConfig, ParseError
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from biip.gs1_element_strings import GS1ElementStrings
from biip.gs1_messages import GS1Message

from pullsvc.catalog import gs1
from pullsvc.errors import Kind, Rejection

MAX_CODE_CHARS = 40
MAX_SCAN_CHARS = 400
TUB_PLATE_PREFIX = "TUB-"
GS = "\x1d"
# What ends a field of variable length: the scanner's own character, or a printable one that it was set up to send
# in its place. None of the printable ones may stand inside a field.
SEPARATORS = (GS, "|", "~", "^")
GRAMS_PER_LB_X100 = 45_359

_IN_HOUSE = re.compile(r"[A-Za-z0-9._-]{1,40}")
_AIM = re.compile(r"\]([A-Za-z])([0-9])")
# Without an AIM identifier only these openings are taken for element strings; the check digit then has to fit.
_ELEMENTS = re.compile(r"(?:0[12][0-9]{14}|00[0-9]{18}|80030[0-9]{13})")
_SEPARATED = re.compile(f"[{re.escape(''.join(SEPARATORS))}]")
_SWALLOWED = re.compile(r".+(?:21.+|10.+|1[1-7][0-9]{6}.*|3[12]0[0-9]{7}.*)")
_CONFIG = ParseConfig(separator_chars=SEPARATORS, gs1_element_strings_verify_date=False)

_GTIN_AIMS = frozenset({"E0", "E3", "E4", "I1"})
_ELEMENT_AIMS = frozenset({"C1", "e0", "d2", "Q3", "J1"})
_ADD_ON_AIMS = frozenset({"E1", "E2"})
_EAN_13_DIGITS = 13
_GRAI_DIGITS = 14

WRONG_CHECK_DIGIT = "The check digit is wrong; scan it again, or check the digits."


class UnreadableCode(Rejection):
    """What was scanned or sent is no code that could belong to anything."""

    kind = Kind.INVALID
    code = "unreadable-code"
    title = "The code cannot be read."


class ScanKind(StrEnum):
    """What a scan stands for."""

    ITEM = "item"
    TUB = "tub"
    LOCATION_OR_CODE = "location_or_code"


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan, read.

    Attributes:
        kind: What it stands for; a plain code may be a location's, an item's, or a tub's.
        code: The stored form: GTIN-14 of an item, SSCC or GRAI of a tub, otherwise the code itself.
        gtin: GTIN-14 as scanned; differs from `code` when a scale printed a price or weight into it.
        sscc: 18 digits, of a tub or shipment.
        grai: 14 digits and serial of a returnable container, as in AI 8003.
        serial: Serial number of the item.
        lot: Batch or lot.
        count: Pieces that the label speaks of.
        weight_g: Net weight in grams.
        price_cents: Price in the smallest coin, from a scale's label.
        warning: What is wrong with the scanner or the label although the code could be read.
    """

    kind: ScanKind
    code: str
    gtin: str | None = None
    sscc: str | None = None
    grai: str | None = None
    serial: str | None = None
    lot: str | None = None
    count: int | None = None
    weight_g: int | None = None
    price_cents: int | None = None
    warning: str | None = None


def normal_code(raw: str) -> str:
    """Return the code under which the barcode is stored; asking again with the answer changes nothing.

    A number with a valid check digit becomes its GTIN-14; a weighed item's loses its price or weight; a till's padded
    PLU loses its zeros; anything else of letters, digits and `-._` is an in-house code and stays as it is.

    Raises:
        UnreadableCode: wrong check digit, no item in it, too long, or characters that no code has.
    """
    scan = read_scan(raw)
    if scan.kind is ScanKind.TUB and (scan.sscc or scan.grai):
        raise UnreadableCode("This is the label of a tub or a shipment; scan the item.")
    return scan.code


def like_words(text: str) -> list[str]:
    """Return a LIKE pattern for each word of what somebody typed; its own wildcards are taken as they are."""
    return ["%" + re.sub(r"([%_\\])", r"\\\1", word) + "%" for word in text.split()]


def sku_forms(code: str) -> list[str]:
    """Return the skus that a normal code may stand for where no barcode has it.

    A chain may use the number on the package as its sku, in any length, so a GTIN-14 stands for its shorter forms, too.
    """
    if not (len(code) == gs1.GTIN_DIGITS and code.isascii() and code.isdigit()):
        return [code]
    return [code[cut:] for cut in (0, 1, 2, 6) if not code[:cut].strip("0")]


def place_code(raw: str) -> str:
    """Return the code under which a location or tub is stored.

    Raises:
        UnreadableCode: as `normal_code`.
    """
    return read_scan(raw).code


def check_sku(sku: str) -> None:
    """Let a sku pass that a scan or a person can name: read as a code, it must lead back to itself.

    Raises:
        UnreadableCode: it would be read as another code, or not at all.
    """
    normal = normal_code(sku)
    if normal not in (sku, sku.zfill(gs1.GTIN_DIGITS)):
        raise UnreadableCode(f"A scan of {sku} would be read as {normal}; use that, or choose another sku.")


def check_place(location: str) -> None:
    """Let the code of a location pass that a scan of its label reads back as it stands.

    Raises:
        UnreadableCode: it would be read as another code, or not at all.
    """
    read_back = place_code(location)
    if read_back != location:
        raise UnreadableCode(f"A scan of {location} would be read as {read_back}; choose another code.")


def read_scan(raw: str) -> Scan:
    """Read what a scanner, a till or a person sent.

    Raises:
        UnreadableCode: see the detail; nothing is ever guessed from a wrong check digit.
    """
    if len(raw) > MAX_SCAN_CHARS:
        raise UnreadableCode(f"The code has more than {MAX_SCAN_CHARS} characters.")
    text = raw.strip(" \t\r\n")
    if not text.isascii() or not text.replace(GS, "").isprintable():
        raise UnreadableCode("The code holds control or foreign characters; set the scanner to plain ASCII.")
    symbology = _AIM.match(text)
    aim, text = (symbology[1] + symbology[2], text[3:]) if symbology else ("", text)
    if text.startswith(("http://", "https://")):
        return _read_elements(_digital_link(text), text)
    if aim in _GTIN_AIMS:
        return _read_retail(text, aim)
    if aim in _ADD_ON_AIMS:
        raise UnreadableCode("This is the small add-on beside a barcode; scan the large one.")
    if text.startswith("("):
        return _read_elements(_printed(text), text)
    if aim in _ELEMENT_AIMS or _SEPARATED.search(text) or _ELEMENTS.match(text):
        return _read_elements(_message(text.strip("".join(SEPARATORS))), text)
    return _read_plain(text)


def _read_plain(text: str) -> Scan:
    """Read a number or an in-house code that came without saying which it is."""
    if not _IN_HOUSE.fullmatch(text):
        raise UnreadableCode(f"A code has 1 to {MAX_CODE_CHARS} letters, digits, and - . _ only.")
    if text.startswith(TUB_PLATE_PREFIX):
        return Scan(kind=ScanKind.TUB, code=text)
    if not gs1.is_digits(text) or len(text) not in gs1.GTIN_LENGTHS:
        return Scan(kind=ScanKind.LOCATION_OR_CODE, code=text)
    number = _retail_number(text)
    if number:
        return _item(number)
    if len(text) == gs1.UPC_E_DIGITS:  # Article numbers of eight digits are common, and check nothing.
        return Scan(kind=ScanKind.LOCATION_OR_CODE, code=text)
    raise UnreadableCode(WRONG_CHECK_DIGIT)


def _read_retail(text: str, aim: str) -> Scan:
    """Read what the scanner says is an EAN, UPC or ITF-14."""
    digits = text[:_EAN_13_DIGITS] if aim == "E3" else text
    if not gs1.is_digits(digits):
        raise UnreadableCode("The scanner announced an EAN or UPC, but sent other characters.")
    if aim == "E0" and len(digits) <= gs1.UPC_E_DIGITS:
        number = gs1.upc_e(digits) or _retail_number(digits)
    else:
        number = gs1.plu(digits) or gs1.gtin14(digits)
    if number is None:
        raise UnreadableCode(WRONG_CHECK_DIGIT)
    return _item(number)


def _retail_number(digits: str) -> str | None:
    """Return PLU or GTIN-14 of 8, 12, 13 or 14 digits; None when the check digit is wrong.

    Eight digits may be a UPC-E or a GTIN-8. GS1 gives no product a GTIN-8 that begins with 0, so there UPC-E leads.
    """
    if number := gs1.plu(digits):
        return number
    expanded = gs1.upc_e(digits) if len(digits) == gs1.UPC_E_DIGITS else None
    if expanded and digits.startswith("0"):
        return expanded
    return gs1.gtin14(digits) or expanded


def _item(number: str) -> Scan:
    """Return the scan of a PLU or GTIN-14."""
    if not number.strip("0"):
        raise UnreadableCode("A code of zeros belongs to no item.")
    if len(number) != gs1.GTIN_DIGITS:
        return Scan(kind=ScanKind.ITEM, code=number)
    weighed = gs1.weighed(number)
    if weighed is None:
        return Scan(kind=ScanKind.ITEM, code=number, gtin=number)
    return Scan(
        kind=ScanKind.ITEM,
        code=weighed.code,
        gtin=number,
        price_cents=weighed.price_cents,
        weight_g=weighed.weight_g,
        warning="The price on the label does not fit its own check digit." if weighed.misread else None,
    )


def _message(text: str) -> GS1ElementStrings:
    try:
        return GS1Message.parse(text, config=_CONFIG).element_strings
    except ParseError as error:
        raise UnreadableCode("The label is not made of GS1 fields; scan another code on the package.") from error


def _printed(text: str) -> GS1ElementStrings:
    """Parse what is printed below the bars, `(01)...(21)...`, as a person types it."""
    try:
        return GS1Message.parse_hri(text, config=_CONFIG).element_strings
    except ParseError as error:
        raise UnreadableCode("Type the fields as they are printed, for example (01)09521234543213.") from error


def _digital_link(text: str) -> GS1ElementStrings:
    try:
        return GS1DigitalLinkURI.parse(text, config=_CONFIG).element_strings
    except (ParseError, ValueError) as error:  # An address that is none fails in urllib already.
        raise UnreadableCode("This web address names no item or tub.") from error


def _read_elements(fields: GS1ElementStrings, text: str) -> Scan:
    """Read the fields of a GS1 label; the numbers in it must have their right check digit."""
    values = {field.ai.ai: field.value for field in fields}
    if not all(value.isascii() for value in values.values()):
        raise UnreadableCode("The label holds foreign characters.")
    gtin = values.get("01") or values.get("02")
    sscc, grai = values.get("00"), values.get("8003")
    numbers = [number for number in (gtin, sscc, grai and grai[:_GRAI_DIGITS]) if number]
    if not numbers:
        raise UnreadableCode("The label names no item and no tub; scan another code on it.")
    if not all(map(gs1.checks, numbers)):
        raise UnreadableCode(WRONG_CHECK_DIGIT)
    if not gtin:
        return Scan(kind=ScanKind.TUB, code=sscc or grai or "", sscc=sscc, grai=grai)
    item = _item(gtin)
    serial, lot = values.get("21"), values.get("10")
    count = values.get("37") or values.get("30")
    return Scan(
        kind=ScanKind.ITEM,
        code=item.code,
        gtin=item.gtin,
        sscc=sscc,
        serial=serial,
        lot=lot,
        count=int(count) if count else None,
        weight_g=_net_weight_g(fields) or item.weight_g,
        price_cents=item.price_cents,
        warning=_lost_separator(text, lot) or item.warning,
    )


def _net_weight_g(fields: GS1ElementStrings) -> int | None:
    """Return the net weight of AI 310n (kg) or 320n (lb) in whole grams."""
    for field in fields:
        if field.decimal is not None and field.ai.ai.startswith("310"):
            return round(field.decimal * 1000)
        if field.decimal is not None and field.ai.ai.startswith("320"):
            return round(field.decimal * GRAMS_PER_LB_X100 / 100)
    return None


def _lost_separator(text: str, lot: str | None) -> str | None:
    """Tell when the lot looks as if it had swallowed the fields behind it."""
    marked = text.startswith(("(", "http")) or _SEPARATED.search(text)
    if marked or lot is None or not _SWALLOWED.fullmatch(lot):
        return None
    return "The scanner drops the separator between fields: lot and serial may have run together. Set it to send GS."
