"""The statements that the service sent, read from PostgreSQL's own log: transactions with their parameters. Pure.

`log_statement = all` writes one entry for each execution, as JSON (`log_destination = jsonlog`), with the text as it
was prepared and every parameter in full, as text.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pullsvc.bench.failures import BenchFailed

SENT_BY = "pullsvc web"
MIN_SHAPE_SHARE = 0.01  # What comes more rarely is left out; how much that is, is told with the figure.
# What the driver asks by itself, once on each connection, when it first meets a type.
_OF_THE_DRIVER = re.compile(r"\btypeinfo_tree\b|set_config\('jit'")
_EXECUTE = re.compile(r"(?:execute [^:]*|statement): (.*)", re.DOTALL)
_PARAMETER = re.compile(r"\$(\d+) = (?:(NULL)|'((?:[^']+|'')*)')")
_BEGINS = re.compile(r"\s*(BEGIN|START TRANSACTION)\b", re.IGNORECASE)
_COMMITS = re.compile(r"\s*(COMMIT|END)\b", re.IGNORECASE)
_ROLLS_BACK = re.compile(r"\s*(ROLLBACK|ABORT)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sent:
    """One execution of a statement.

    Attributes:
        text: The statement, with `$1` and so on.
        params: Their values as text, in order; None: NULL.
    """

    text: str
    params: tuple[str | None, ...] = ()

    @property
    def shape(self) -> tuple[str, tuple[bool, ...]]:
        """What two executions have in common that differ in values alone: the text, and which parameters are NULL."""
        return self.text, tuple(param is None for param in self.params)


Transaction = tuple[Sent, ...]


@dataclass(frozen=True, slots=True)
class Captured:
    """The transactions of one kind of act, those of rare shapes left out.

    Attributes:
        transactions: In the order of their last statement.
        shapes: How many shapes they have.
        covered: Share of all committed transactions that they are.
    """

    transactions: Sequence[Transaction]
    shapes: int
    covered: float

    @property
    def statements(self) -> float:
        """Statements in a transaction on average, with BEGIN and COMMIT."""
        return sum(map(len, self.transactions)) / len(self.transactions)


def transactions(lines: Iterable[str], *, database: str) -> list[Transaction]:
    """Return the committed transactions that the service sent to the database, in the order of their commits.

    A statement outside a transaction is one by itself; what was rolled back is left out, and what the driver asks about
    types when a connection is new.

    Args:
        lines: Of the JSON log; an incomplete last one is passed over.
        database: Its name.
    """
    open_ones: dict[str, list[Sent]] = {}
    done: list[Transaction] = []
    for line in lines:
        entry = _entry(line)
        if entry.get("dbname") != database or entry.get("application_name") != SENT_BY:
            continue
        sent = sent_of(str(entry.get("message", "")), str(entry.get("detail", "")))
        if sent is None or _OF_THE_DRIVER.search(sent.text):
            continue
        session = str(entry["session_id"])
        if _BEGINS.match(sent.text):
            open_ones[session] = [sent]
        elif session not in open_ones:
            done.append((sent,))
        elif _ROLLS_BACK.match(sent.text):
            del open_ones[session]
        else:
            open_ones[session].append(sent)
            if _COMMITS.match(sent.text):
                done.append(tuple(open_ones.pop(session)))
    return done


def _entry(line: str) -> dict[str, object]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def sent_of(message: str, detail: str) -> Sent | None:
    """Return what an entry of the log says was executed; None: it says something else."""
    executed = _EXECUTE.fullmatch(message)
    if executed is None:
        return None
    found = {int(n): None if null else text.replace("''", "'") for n, null, text in _PARAMETER.findall(detail)}
    if set(found) != set(range(1, len(found) + 1)):
        raise BenchFailed(f"The log does not hold all parameters: {detail[:300]}")
    return Sent(executed[1].strip().rstrip(";"), tuple(found[n] for n in sorted(found)))


def common(sent: Sequence[Transaction]) -> Captured:
    """Leave out transactions of rare shapes: the reading of a key that was forgotten, a retry.

    Raises:
        BenchFailed: nothing was captured.
    """
    counts = Counter(_shape(one) for one in sent)
    kept = {shape for shape, count in counts.items() if count >= MIN_SHAPE_SHARE * len(sent)}
    found = [one for one in sent if _shape(one) in kept]
    if not found:
        raise BenchFailed("The log of PostgreSQL holds no transaction of the service.")
    return Captured(transactions=found, shapes=len(kept), covered=len(found) / len(sent))


def _shape(transaction: Transaction) -> tuple[object, ...]:
    return tuple(sent.shape for sent in transaction)
