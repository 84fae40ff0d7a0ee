"""What can be printed, over HTTP."""

from enum import IntEnum, StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from pullsvc.catalog.model import PlaceKind
from pullsvc.labels.actions import Choice
from pullsvc.labels.rules import MAX_COPIES, MAX_LABELS
from pullsvc.labels.stocks import StockName
from pullsvc.web.deps import Code, printable

MAX_SKIP = 100

Filter = Annotated[str, StringConstraints(min_length=1, max_length=40), AfterValidator(printable)]


class Form(StrEnum):
    """The language of the printer."""

    PDF = "pdf"
    ZPL = "zpl"


class Dpi(IntEnum):
    """How fine a label printer is."""

    D203 = 203
    D300 = 300
    D600 = 600


class Printing(BaseModel):
    """Which labels, on what."""

    model_config = ConfigDict(extra="forbid")

    code: list[Code] = Field(default=[], max_length=MAX_LABELS, description="Only these.")
    kind: PlaceKind | None = None
    zone: Filter | None = None
    after: Filter | None = Field(default=None, description="Only those behind this one, in the order of printing.")
    stock: StockName = StockName.A4_24
    form: Form = Form.PDF
    dpi: Dpi = Field(default=Dpi.D203, description="Of the label printer.")
    copies: int = Field(default=1, ge=1, le=MAX_COPIES)
    skip: int = Field(default=0, ge=0, le=MAX_SKIP, description="Labels of the first sheet that are used already.")

    def choice(self) -> Choice:
        """Return which labels."""
        limit = MAX_LABELS // self.copies
        return Choice(codes=self.code, kind=self.kind, zone=self.zone, after=self.after, limit=limit)


class StockView(BaseModel):
    """A kind of label."""

    stock: StockName
    title: str
    width_mm: float
    height_mm: float
    labels_a_page: int
    is_roll: bool = Field(description="Label printers take it, so it can be had as ZPL.")


class CommandView(BaseModel):
    """A card that tells a handheld something when it is scanned."""

    scan: str = Field(examples=["CMD:DONE"])
    word: str
    english: str
    spanish: str


class Printables(BaseModel):
    """What labels can be printed on, and which commands there are."""

    stocks: list[StockView]
    commands: list[CommandView]
    max_labels: int = Field(description="In one download.")
