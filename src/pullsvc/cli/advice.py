"""What a PostgreSQL of one's own could do better for this service: what is, what would be better, and why.

Measured on two cores; a setting that makes no difference there is not mentioned. The embedded server has them all.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_UNITS = {
    "": 1.0, "kB": 2.0**10, "MB": 2.0**20, "GB": 2.0**30, "TB": 2.0**40,
    "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Advice:
    """One setting that should be another.

    Attributes:
        setting: Its name.
        present: Its value, as the server shows it.
        better: What to set it to.
        why: What it does to the service.
        restart: Whether only a restart of the server changes it.
    """

    setting: str
    present: str
    better: str
    why: str
    restart: bool


@dataclass(frozen=True, slots=True)
class _Rule:
    setting: str
    better: str
    why: str
    suits: Callable[[str], bool]
    restart: bool = False


def _amount(text: str) -> float:
    """Return bytes or seconds of a value with a unit, or the plain number."""
    found = re.fullmatch(r"(-?[0-9.]+)\s*([A-Za-z]*)", text)
    if found is None or found[2] not in _UNITS:
        raise ValueError(f"not an amount: {text}")
    return float(found[1]) * _UNITS[found[2]]


def _at_least(least: str) -> Callable[[str], bool]:
    return lambda value: _amount(value) >= _amount(least)


def _at_most(most: str) -> Callable[[str], bool]:
    return lambda value: _amount(value) <= _amount(most)


def _between(least: str, most: str) -> Callable[[str], bool]:
    return lambda value: _amount(least) <= _amount(value) <= _amount(most)


def _is(wanted: str) -> Callable[[str], bool]:
    return lambda value: value == wanted


_RULES = (
    _Rule("autovacuum", "on", "claimed work leaves dead rows; without it every act slows for ever", _is("on")),
    _Rule(
        "autovacuum_naptime", "5s",
        "dead entries pile up at the head of the claim queue: with 1min claims slow by half within half a minute",
        _at_most("15s"),
    ),
    _Rule(
        "idle_in_transaction_session_timeout", "60s",
        "one forgotten transaction of any client makes each claim walk over all dead entries since",
        _between("1s", "5min"),
    ),
    _Rule(
        "shared_buffers", "256MB",
        "open work and balances of all stores should stay in it; a quarter of the memory is a good size",
        _at_least("256MB"), restart=True,
    ),
    _Rule(
        "max_locks_per_transaction", "256",
        "there is a partition a day: an audit over a year of the ledger locks hundreds of tables",
        _at_least("256"), restart=True,
    ),
    _Rule(
        "random_page_cost", "1.1", "on SSD an index is right far more often than the default believes", _at_most("2")
    ),
    _Rule(
        "max_wal_size", "2GB",
        "sales come in fast; checkpoints forced by size write every touched page to the log again", _at_least("2GB"),
    ),
    _Rule("checkpoint_timeout", "10min", "as max_wal_size; recovery stays within a minute or so", _at_least("10min")),
    _Rule(
        "jit", "off", "the service turns it off for itself; other clients would compile short statements", _is("off")
    ),
)  # fmt: skip
SETTINGS = tuple(rule.setting for rule in _RULES)


def advise(values: Mapping[str, str]) -> list[Advice]:
    """Return what should be changed, the most rewarding first; a setting that is not given is passed over.

    Args:
        values: By setting, its value as `SHOW` gives it.
    """
    return [
        Advice(rule.setting, values[rule.setting], rule.better, rule.why, rule.restart)
        for rule in _RULES
        if rule.setting in values and not rule.suits(values[rule.setting])
    ]
