"""Choose what to print labels for."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pullsvc.catalog.model import PlaceKind
from pullsvc.db import Tx
from pullsvc.labels import queries, rules
from pullsvc.labels.rules import Label


class Subject(StrEnum):
    """What the labels are for."""

    TUBS = "tubs"
    LOCATIONS = "locations"
    COMMANDS = "commands"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of them; what is None chooses all.

    Attributes:
        codes: Exactly these tubs, places or commands.
        kind: Places of this kind.
        zone: Places of this zone.
        after: Those that come behind this one, to go on with a long list.
        limit: How many at most.
    """

    codes: Sequence[str] | None = None
    kind: PlaceKind | None = None
    zone: str | None = None
    after: str | None = None
    limit: int = rules.MAX_LABELS


async def choose(tx: Tx, subject: Subject, choice: Choice, *, store_id: int) -> list[Label]:
    """Return the labels of tubs or places, or the cards of commands, in the order of printing.

    Raises:
        NothingToPrint: nothing fits the choice, or one of the codes is unknown.
        TooManyLabels: more than `limit`.
    """
    codes = _codes(choice)
    if subject is Subject.COMMANDS:
        return _known([(one.word, rules.of_command(one)) for one in rules.COMMANDS], codes)
    store = await queries.store_name(tx, store_id=store_id)
    chosen = _chosen(choice, codes, store_id)
    if subject is Subject.TUBS:
        found = [(tub, rules.of_tub(tub, store=store)) for tub in await queries.tubs(tx, **chosen)]
    else:
        kind = choice.kind.value if choice.kind else None
        found = [
            (row.location, rules.of_location(row.location, kind=row.kind, zone=row.zone, store=store))
            for row in await queries.locations(tx, kind=kind, zone=choice.zone, **chosen)
        ]
    return _known(_within(found, choice), codes)


async def choose_badges(tx: Tx, choice: Choice, *, store_id: int) -> list[Label]:
    """Return the badges of people who may sign in, those of `codes` if there are any.

    Raises:
        NothingToPrint, TooManyLabels: as `choose`.
    """
    codes = _codes(choice)
    store = await queries.store_name(tx, store_id=store_id)
    rows = await queries.badges(tx, **_chosen(choice, codes, store_id))
    found = [(row.badge, rules.of_badge(row.badge, name=row.name, store=store)) for row in rows]
    return _known(_within(found, choice), codes)


def _codes(choice: Choice) -> list[str] | None:
    codes = sorted(set(choice.codes)) if choice.codes else None
    if codes and len(codes) > choice.limit:
        raise rules.TooManyLabels(f"Name {choice.limit} of them at most.")
    return codes


def _chosen(choice: Choice, codes: Sequence[str] | None, store_id: int) -> dict[str, object]:
    return {"store_id": store_id, "codes": codes, "after": choice.after, "limit": choice.limit + 1}


def _within(found: Sequence[tuple[str, Label]], choice: Choice) -> Sequence[tuple[str, Label]]:
    """Return what was found if it is not more than was allowed."""
    if len(found) > choice.limit:
        raise rules.TooManyLabels(
            f"There are more than {choice.limit}. Choose a zone or kind, or name the last one printed as `after`.",
            last=found[choice.limit - 1][0],
        )
    return found


def _known(found: Sequence[tuple[str, Label]], codes: Sequence[str] | None) -> list[Label]:
    """Return the labels, those of the codes alone if there are any, and let no code go unnoticed."""
    unknown = sorted(set(codes or ()) - {code for code, _ in found})
    if unknown:
        raise rules.NothingToPrint(f"Not in use here: {', '.join(unknown[:10])}.", unknown=unknown[:10])
    if not found:
        raise rules.NothingToPrint("Nothing in the store fits; register it first, or choose less narrowly.")
    return [label for code, label in found if codes is None or code in codes]
