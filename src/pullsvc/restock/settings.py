"""How a store wants its watch. Plain values with safe defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pullsvc.demand.value import Labour

DEFAULT_LEAD_S = 45 * 60
MIN_WEIGHT, MAX_WEIGHT = 0.1, 10.0


@dataclass(frozen=True, slots=True)
class Department:
    """How a store wants one of its departments watched.

    Attributes:
        enabled: False: no automatic pulls for it.
        weight: What a lost unit of it counts for, beside one of another department; MIN_WEIGHT..MAX_WEIGHT.
    """

    enabled: bool = True
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How a store wants its watch.

    Attributes:
        enabled: False: no automatic pulls; people's asks go on.
        lead_default_s: Median time to shelf until the store has measured its own.
        labour: What a line of a tub costs.
        presentation: Fill shelves below their presentation minimum, whatever that averts.
        checks_an_hour: How many looks at silent shelves may be asked for; 0: none.
        departments: By name, those that are not as by default.
    """

    enabled: bool = True
    lead_default_s: int = DEFAULT_LEAD_S
    labour: Labour = field(default_factory=Labour)
    presentation: bool = True
    checks_an_hour: int = 6
    departments: Mapping[str, Department] = field(default_factory=dict)

    def of(self, department: str) -> Department:
        """Return how the department is watched."""
        return self.departments.get(department, Department())
