"""Scripted prices: what an instrument does in the seconds after a path is started. Pure functions of time.

Every path starts from the price at its start and is given a level, in USD, and a length, in seconds:

- `gap`: nothing for half the length, then the level in one step (through a stop that lies between), and there it stays
- `touch`: straight to the level in half the length, straight back in the other half
- `drift`: straight to the level in the whole length
- `halt`: trading stops for the whole length and starts again at the level
- `wide`: the price stays, bid and ask are twenty times as far apart as usual
- `spike`: the level for one tenth of the length in the middle, before and after it the starting price
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

_WIDE = 20.0


class PathName(StrEnum):
    """The paths there are."""

    GAP = "gap"
    TOUCH = "touch"
    DRIFT = "drift"
    HALT = "halt"
    WIDE = "wide"
    SPIKE = "spike"


@dataclass(frozen=True, slots=True)
class Point:
    """Where a path is: price in USD, the factor on the usual spread, whether trading is halted."""

    price: float
    spread: float = 1.0
    halted: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """One path under way. `start` and `level` in USD, `seconds` its length, positive."""

    name: PathName
    start: float
    level: float
    seconds: float

    def at(self, elapsed: float) -> Point | None:
        """Where the path is `elapsed` seconds after its start; None once it is over."""
        share = elapsed / self.seconds
        return _SHAPES[self.name](self, share) if share < 1 else None

    @property
    def end(self) -> float:
        """The price the path leaves behind, USD."""
        stays = self.name in (PathName.GAP, PathName.DRIFT, PathName.HALT)
        return self.level if stays else self.start


def _gap(path: Path, share: float) -> Point:
    return Point(path.start if share < 0.5 else path.level)


def _touch(path: Path, share: float) -> Point:
    way = 2 * share if share < 0.5 else 2 - 2 * share
    return Point(path.start + (path.level - path.start) * way)


def _drift(path: Path, share: float) -> Point:
    return Point(path.start + (path.level - path.start) * share)


def _halt(path: Path, share: float) -> Point:
    return Point(path.start, halted=True)


def _wide(path: Path, share: float) -> Point:
    return Point(path.start, spread=_WIDE)


def _spike(path: Path, share: float) -> Point:
    return Point(path.level if 0.45 <= share < 0.55 else path.start)


_SHAPES: dict[PathName, Callable[[Path, float], Point]] = {
    PathName.GAP: _gap,
    PathName.TOUCH: _touch,
    PathName.DRIFT: _drift,
    PathName.HALT: _halt,
    PathName.WIDE: _wide,
    PathName.SPIKE: _spike,
}
