"""Volume and weight of an item from its printed package size: a stated, simple rule, good enough to fill a tub.

1. A printed mass or volume counts: `16 OZ`, `1/2 GAL`, `12 PK/12 OZ` (packs times size). A volume weighs 1 g/ml.
   Where the size is that of one can, the kind tells the packs: `SOFT DRINKS 12/18&15PK CAN` holds twelve.
2. Else a printed count of pieces, loads or dozens counts, times the usual weight of a piece of that kind of goods.
3. Else, and where the size is the supplier's case (produce and meat over 4.5 kg), the usual weight of the kind.
Volume follows from weight by the usual density of the packed goods; packaging adds 8 % to the weight.
"""

import re
from dataclasses import dataclass

from pullsvc.demo.panel import Product

GRAMS = {"OZ": 28.35, "OZS": 28.35, "O": 28.35, "Z": 28.35, "LB": 453.6, "LBS": 453.6, "G": 1.0, "GM": 1.0, "KG": 1e3}
MILLILITRES = {"GAL": 3785.0, "GA": 3785.0, "GALON": 3785.0, "QT": 946.0, "PT": 473.0, "ML": 1.0}
MILLILITRES |= {"L": 1e3, "LT": 1e3, "LTR": 1e3}
PIECES = {
    "CT": 1,
    "PC": 1,
    "PCS": 1,
    "DZ": 12,
    "DOZ": 12,
    "LOAD": 1,
    "LOADS": 1,
    "LD": 1,
    "LDS": 1,
    "USE": 1,
    "USES": 1,
}
PACKS = {"PK", "PKS", "P", "PACK"}

PACKS_MAX = 40  # Above this the number before PK is a supplier's article number.
NET_G_MAX = 20_000.0  # No shopper's unit is heavier; such a product of packs and size is a total.
SUPPLIER_CASE_G = 4_500.0
PACKAGING = 1.08
VOLUME_ML_MAX = 40_000

_ODD_FRACTION = re.compile(r"(?:(?<![\d.])(\d+) +)?(?<![\d.])([1357])/([248])(?![\d.])")
_PACKS_OF_KIND = re.compile(r"SOFT DRINKS (\d{1,2})(?=/|PK)")
_ONE_CAN = re.compile(r"\d{1,2}(?:\.\d+)? OZ")
_QUANTITY = re.compile(r"(\d*\.?\d+) *([A-Z]+)?( */)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A package size as far as it could be read; None where the text says nothing."""

    grams: float | None = None
    millilitres: float | None = None
    pieces: int | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """The usual goods of a kind."""

    grams_per_litre: float
    unit_g: float
    piece_g: float


_FORM_OF_CATEGORY: tuple[tuple[tuple[str, ...], Form], ...] = (
    (("EGGS",), Form(600, 720, 60)),
    (("TISS", "TOWEL", "NAPKIN", "DIAPER", "FEMININE", "INCONTIN"), Form(120, 500, 15)),
    (("LAUNDRY ADDITIVES", "PAPER HOUSEWARES"), Form(250, 300, 4)),
    (("LAUNDRY DETERGENTS", "DISHWASH"), Form(900, 1400, 50)),
    (("SOFT DRINK", "WATER", "BEER", "DRINKS", "JUICE", "WINE", "LIQUOR", "MILK"), Form(900, 1000, 370)),
    (("SNACK", "CEREAL", "CHIPS", "POPCORN", "RICE CAKES", "CRACKERS"), Form(220, 300, 30)),
    (("BREAD", "ROLLS", "CAKES", "COOKIES", "PIES", "SWEET GOODS", "BREAKFAST SWEETS"), Form(300, 450, 60)),
    (("CIGARETTES", "TOBACCO", "CIGARS"), Form(250, 30, 200)),
    (("GREETING", "MAGAZINE", "NEWSPAPER", "BOOK", "STATIONERY"), Form(600, 150, 20)),
    (("CAT LITTER", "DOG FOODS", "CHARCOAL", "FLOUR", "SUGAR"), Form(750, 2500, 100)),
)
_FORM_OF_DEPARTMENT = {
    "PRODUCE": Form(500, 450, 150),
    "MEAT": Form(900, 900, 200),
    "MEAT-PCKGD": Form(850, 400, 50),
    "SEAFOOD-PCKGD": Form(800, 400, 50),
    "PASTRY": Form(300, 450, 60),
    "DRUG GM": Form(350, 180, 8),
    "COSMETICS": Form(350, 80, 20),
}
_OTHER_FORM = Form(700, 450, 30)


def read_size(text: str) -> Size:
    """Read a printed package size such as `10/6.75 OZ`; an unreadable one gives an empty `Size`."""
    plain = text.upper().replace("HALF ", "0.5 ").replace("FL OZ", "OZ").replace("SQ FT", "SQFT")
    plain = _ODD_FRACTION.sub(_decimal, plain).strip()
    if plain in GRAMS or plain in MILLILITRES:
        plain = f"1 {plain}"
    grams = millilitres = pieces = None
    packs = 1
    for number_text, unit, slash in _QUANTITY.findall(plain):
        number = float(number_text)
        if unit in PACKS or (slash and not unit):
            packs = int(number) if 1 <= number <= PACKS_MAX else 1
        elif unit in PIECES and pieces is None:
            pieces = int(number) * PIECES[unit]
        elif grams is None and millilitres is None:
            grams = number * GRAMS[unit] if unit in GRAMS else None
            millilitres = number * MILLILITRES[unit] if unit in MILLILITRES else None
    if grams is None and millilitres is None:
        return Size(pieces=(pieces or 1) * packs if pieces or packs > 1 else None)
    return Size(grams=_times(grams, packs), millilitres=_times(millilitres, packs), pieces=pieces)


def measure(product: Product) -> tuple[int, int]:
    """Return (volume_ml, weight_g) of one each, packaging included; both >= 1."""
    form = _form(product)
    net_g = _net_grams(product, form)
    litres = net_g / form.grams_per_litre
    return min(max(round(litres * 1000), 1), VOLUME_ML_MAX), max(round(net_g * PACKAGING), 1)


def _net_grams(product: Product, form: Form) -> float:
    size = read_size(product.package_size)
    net_g = _times(size.grams or size.millilitres, _packs_of_kind(product))
    if net_g is None and size.pieces:
        net_g = size.pieces * form.piece_g
    supplier_case = net_g is not None and product.department in ("PRODUCE", "MEAT") and net_g > SUPPLIER_CASE_G
    if not net_g or net_g > NET_G_MAX or supplier_case:
        return form.unit_g
    return net_g


def _packs_of_kind(product: Product) -> int:
    packs = _PACKS_OF_KIND.match(product.kind)
    return int(packs.group(1)) if packs and _ONE_CAN.fullmatch(product.package_size) else 1


def _form(product: Product) -> Form:
    for words, form in _FORM_OF_CATEGORY:
        if any(word in product.category for word in words):
            return form
    return _FORM_OF_DEPARTMENT.get(product.department, _OTHER_FORM)


def _decimal(fraction: re.Match[str]) -> str:
    whole, above, below = fraction.groups()
    if int(above) >= int(below):  # `7/4 OZ` is seven packs of four ounces, not a fraction.
        return fraction.group(0)
    return f" {int(whole or 0) + int(above) / int(below)}"


def _times(amount: float | None, packs: int) -> float | None:
    if amount is None or amount * packs > NET_G_MAX:
        return amount
    return amount * packs
