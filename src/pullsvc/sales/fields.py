"""The fields of a receipt over HTTP: what each may hold, and what it is in the words of the room."""

from decimal import Decimal
from functools import lru_cache
from typing import Annotated

from pydantic import Field

from pullsvc.catalog.rules import UnreadableCode, normal_code
from pullsvc.sales.booking import QUANTITIES_REMEMBERED
from pullsvc.sales.rules import LineKind, Status, Uom
from pullsvc.web.bodies import Day
from pullsvc.web.deps import MAX_ID, Code

MAX_QUANTITY = 100_000
MAX_LINE_NO = 1_000_000
MAX_POS_REVISION = 2**31 - 1
CODES_REMEMBERED = 20_000

Register = Annotated[Code, Field(description="Register or workstation, as the POS calls it.", examples=["4"])]
Sequence = Annotated[
    int, Field(ge=0, le=MAX_ID, description="Number of the receipt on that register and day.", examples=[1042])
]
BusinessDate = Annotated[
    Day, Field(description="Trading day that the POS books it to, in the store's own time.", examples=["2026-03-14"])
]
QUANTITY = "In `uom`, not 0, at most three decimals; as number or string. Negative: the opposite of `kind`."
Quantity = Annotated[
    Decimal,
    Field(strict=False, ge=-MAX_QUANTITY, le=MAX_QUANTITY, max_digits=9, decimal_places=3, allow_inf_nan=False),
]
Revision = Annotated[int, Field(ge=1, le=MAX_POS_REVISION)]
ReceiptStatus = Annotated[Status, Field(strict=False)]
LineNo = Annotated[int, Field(ge=1, le=MAX_LINE_NO)]
Kind = Annotated[LineKind, Field(strict=False)]
Unit = Annotated[Uom, Field(strict=False)]
UnknownCode = Annotated[Code, Field(examples=["04006381333931"])]


@lru_cache(maxsize=CODES_REMEMBERED)
def code_of(raw: str) -> str:
    """Return the normal form of a till's code; what cannot be read stays as it is, and waits as an unknown code.

    A till that sends a wrong check digit has sold something all the same.
    """
    try:
        return normal_code(raw)
    except UnreadableCode:
        return raw


@lru_cache(maxsize=QUANTITIES_REMEMBERED)
def milli(quantity: Decimal) -> int:
    """Return a quantity, which has at most three decimals, in thousandths."""
    return int(quantity.scaleb(3))
