"""Ask for goods on a shelf: join the live pull or open one.

Whole batches at once, of any stores: what is known of all shelves is locked and read, then the asks are judged one
after the other, and all that came of them is written by one statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pullsvc.db import Tx
from pullsvc.errors import Kind, Rejection
from pullsvc.outbox.actions import Stamp, append
from pullsvc.pulls import ask_queries
from pullsvc.pulls.judging import Ask, Desk, Group, Place, Standing, Verdict
from pullsvc.pulls.rules import Netted, Outcome
from pullsvc.stock import actions as stock

MAX_ASKS_A_CALL = 500


class NoHome(Rejection):
    """The item has no place on the floor, so nobody knows where to bring it."""

    kind = Kind.CONFLICT
    code = "no-home-shelf"
    title = "The item has no shelf to be brought to."


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of an ask: its id, what it led to and added, and the pull as it left it."""

    ask_id: int
    pull_id: int
    netted: Netted
    pull: Standing


async def ask(tx: Tx, stamp: Stamp, wish: Ask) -> Asked:
    """Ask for an item at a shelf: join the live pull or open one.

    Raises:
        NoHome: the shelf is not a shelf, or the item is not placed on it.
    """
    ((asked,),) = await ask_all(tx, [(stamp, [wish])])
    if isinstance(asked, NoHome):
        raise asked
    return asked


async def ask_all(tx: Tx, acts: Sequence[tuple[Stamp, Sequence[Ask]]]) -> list[list[Asked | NoHome]]:
    """Do the acts, one after the other in the order given, in a few statements for all of them.

    Args:
        tx: The transaction.
        acts: Each at most MAX_ASKS_A_CALL asks; stores may differ. What an act asks of one shelf is taken together.
    Returns:
        For each act and ask what became of it, or why it was refused; a refused ask has written nothing.
    """
    if any(len(wishes) > MAX_ASKS_A_CALL for _, wishes in acts):
        raise ValueError("too many asks")
    results: list[list[Asked | NoHome]] = [[_no_home(wish) for wish in wishes] for _, wishes in acts]
    groups = _groups(acts)
    desk = Desk(await ask_queries.shelves(tx, [group.place for group in groups]) if groups else {})
    groups = [group for group in groups if group.place in desk.places]
    if not groups:
        return results
    books = await _believe_eyes(tx, desk, groups)
    verdicts = [desk.judge(group, book=books.get(n)) for n, group in enumerate(groups)]
    written = await ask_queries.write(tx, pulls=[pull.row() for pull in desk.pulls], asks=desk.asks)
    for group, verdict in zip(groups, verdicts, strict=True):
        row = written[verdict.number]
        stands = verdict.met(row, wanted=desk.pulls[verdict.number].new_qty) if row.is_met else verdict
        for nth, line in enumerate(group.lines, start=verdict.first_ask):
            results[group.act][line] = Asked(row.ask_ids[nth], row.pull_id, stands.netted, stands.pull)
        _tell(tx, group, stands, row.pull_id)
    return results


def _groups(acts: Sequence[tuple[Stamp, Sequence[Ask]]]) -> list[Group]:
    """Put together what each act asks of one shelf; within an act by place, so that the result is the same always."""
    groups: dict[tuple[int, Place], Group] = {}
    for act, (stamp, wishes) in enumerate(acts):
        for line, wish in enumerate(wishes):
            place = stamp.store_id, wish.sku, wish.shelf
            group = groups.get((act, place))
            if group is None:
                group = groups[act, place] = Group(act, stamp, place, [], [])
            group.lines.append(line)
            group.wishes.append(wish)
    return [groups[key] for key in sorted(groups)]


async def _believe_eyes(tx: Tx, desk: Desk, groups: Sequence[Group]) -> dict[int, int]:
    """Set the books of the shelves right where somebody stands before them and sees something else.

    Returns:
        The book that a group left, by its number. Shelves are counted in the order of the locks, not of the acts.
    """
    books: dict[int, int] = {}
    latest: dict[Place, int] = {}
    for n, group in sorted(enumerate(groups), key=lambda numbered: numbered[1].place):
        look = group.last_look()
        if (
            look
            and look.seen_qty is not None
            and look.seen_qty != latest.get(group.place, desk.places[group.place].book)
        ):
            stamp = group.stamp._replace(occurred_at=group.moment(look))
            count = await stock.count(tx, stamp, sku=look.sku, location=look.shelf, counted_qty=look.seen_qty)
            books[n] = latest[group.place] = count.qty
    return books


def _tell(tx: Tx, group: Group, verdict: Verdict, pull_id: int) -> None:
    outcome, pull = verdict.netted.outcome, verdict.pull
    kind = "expired" if outcome is Outcome.NOT_NEEDED else outcome.value
    asks, qty = len(group.wishes), verdict.netted.qty
    fact = {"sku": pull.sku, "shelf": pull.shelf, "asks": asks, "qty": qty, "urgency": pull.urgency}
    append(tx, group.stamp, f"pull.{kind}", pull_id, fact)


def _no_home(wish: Ask) -> NoHome:
    return NoHome(f"Place {wish.sku} on {wish.shelf} first.", sku=wish.sku, shelf=wish.shelf)
