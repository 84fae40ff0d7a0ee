"""What stands on a label: the code a scanner reads back, and the words for people. Pure."""

import re
from dataclasses import dataclass

from pullsvc.catalog import gs1
from pullsvc.catalog import rules as catalog
from pullsvc.errors import Kind, Rejection

MAX_LABELS = 500  # In one download: three seconds of work for PDF.
MAX_COPIES = 10
SSCC_DIGITS = 18
GROUP_CHARS = 6
COMMAND_PREFIX = "CMD:"

_GRAI = re.compile(r"0[0-9]{13}[A-Za-z0-9._-]{0,16}")
_GRAI_NUMBER = 14


class NothingToPrint(Rejection):
    """No tub, place or person fits what was asked for, so there is no label."""

    kind = Kind.NOT_FOUND
    code = "nothing-to-print"
    title = "There is nothing to print a label for."


class TooManyLabels(Rejection):
    """More labels than one download holds."""

    kind = Kind.INVALID
    code = "too-many-labels"
    title = "These are too many labels at once."


class UnprintableText(Rejection):
    """A name has characters that the font does not have, or is written from right to left.

    Print the others by their codes, and give whoever it is a name for labels in another script.
    """

    kind = Kind.INVALID
    code = "unprintable-text"
    title = "The labels' font lacks characters of a name."


class NotForLabelPrinters(Rejection):
    """ZPL was asked for sheets: label printers take rolls."""

    kind = Kind.INVALID
    code = "not-for-label-printers"
    title = "A label printer does not take sheets."


@dataclass(frozen=True, slots=True)
class Label:
    """One label.

    Attributes:
        scan: What the codes hold; a scan of it reads back as the thing that the label is on.
        is_gs1: Whether `scan` is a GS1 element string, to be printed as GS1-128.
        title: The large words, mostly the code as people read it.
        lines: Smaller words below.
    """

    scan: str
    title: str
    lines: tuple[str, ...] = ()
    is_gs1: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """What a worker can tell a handheld by scanning a card, where there is no hand free for its screen.

    Attributes:
        word: Behind COMMAND_PREFIX in the code, and printed large.
        english: What it does.
        spanish: The same; a card has both.
    """

    word: str
    english: str
    spanish: str


# The same words in the handheld's `core/commands.js`; a test compares them.
COMMANDS = (
    Command("OK", "Do the main action", "Hacer lo principal"),
    Command("BACK", "One screen back", "Volver atrás"),
    Command("+1", "One more", "Uno más"),
    Command("-1", "One less", "Uno menos"),
    Command("CASE", "A whole case more", "Una caja más"),
    Command("DONE", "This line is done", "Línea terminada"),
    Command("SHORT", "Less there than asked", "Hay menos de lo pedido"),
    Command("UNDO", "Take back the last step", "Deshacer lo último"),
    Command("SKIP", "Come back to it later", "Volver después"),
    Command("STAGE", "The tub is full", "La cubeta está llena"),
)


def of_tub(tub: str, *, store: str) -> Label:
    """Return the label of a tub; an SSCC or GRAI as GS1-128, any other plate as it is."""
    for element, printed in _elements(tub):
        if catalog.read_scan(element).code == tub:
            return Label(scan=element, title=printed, lines=("Tub", store), is_gs1=True)
    return Label(scan=tub, title=tub, lines=("Tub", store))


def _elements(code: str) -> list[tuple[str, str]]:
    """Return what the code may be as a GS1 element: in the bars, and for people."""
    if len(code) == SSCC_DIGITS and gs1.is_digits(code) and gs1.checks(code):
        return [(f"00{code}", f"(00) {_grouped(code)}")]
    if _GRAI.fullmatch(code) and gs1.checks(code[:_GRAI_NUMBER]):
        return [(f"8003{code}", f"(8003) {_grouped(code)}")]
    return []


def _grouped(code: str) -> str:
    """Return the code as people read it to each other."""
    return " ".join(code[at : at + GROUP_CHARS] for at in range(0, len(code), GROUP_CHARS))


def of_location(location: str, *, kind: str, zone: str, store: str) -> Label:
    """Return the label of a bin, shelf, lane or dock."""
    return Label(scan=location, title=location, lines=(f"{kind.capitalize()} · {zone}", store))


def of_badge(badge: str, *, name: str, store: str) -> Label:
    """Return the badge of a person; its code is printed as well, to be typed where no scanner reads it."""
    return Label(scan=badge, title=name, lines=(badge, store))


def of_command(command: Command) -> Label:
    """Return the card of a command."""
    return Label(scan=COMMAND_PREFIX + command.word, title=command.word, lines=(command.english, command.spanish))
