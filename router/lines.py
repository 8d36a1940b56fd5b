"""Which market data lines stay open: IB gives an account only so many. Pure.

A line in use is never given up: the desk asked for it, its contract is held or has a live order, or it was prepared
for a signal that may still be priced. The others stay open until nobody used them for long, or their place is needed.
"""

from __future__ import annotations

from collections.abc import Collection

from conf.errors import ConfigError
from conf.settings import Settings
from router.contract import named
from router.errors import FieldError, Recoverable
from router.messages import ContractSpec


class LinesInUse(Recoverable):
    """Every market data line that there may be is in use."""


class Lines:
    """The contracts that have a line, least recently used first. Times are monotonic ns."""

    def __init__(self, max_lines: int, *, hold_ns: int, idle_ns: int) -> None:
        self._max = max_lines
        self._hold_ns = hold_ns
        self._idle_ns = idle_ns
        self._used: dict[int, int] = {}  # conId -> when it was last used, in that order
        self._pinned: set[int] = set()

    def use(self, con_id: int, now_ns: int, busy: Collection[int] = (), *, pin: bool = False) -> int | None:
        """Use a contract's line; the answer is the contract whose line makes place for it, or None.

        `busy` are contracts held or ordered now; a pinned line stays for good. Raises LinesInUse.
        """
        released = None
        if con_id not in self._used and len(self._used) >= self._max:
            released = next((one for one in self._used if self._free(one, now_ns, busy)), None)
            if released is None:
                raise LinesInUse(f"all {self._max} market data lines are in use")
            del self._used[released]
        self._used.pop(con_id, None)
        self._used[con_id] = now_ns
        if pin:
            self._pinned.add(con_id)
        return released

    def release_idle(self, now_ns: int, busy: Collection[int] = ()) -> list[int]:
        """The contracts whose lines nobody has used for long: they have none any more."""
        idle = [
            con_id
            for con_id, used_ns in self._used.items()
            if used_ns + self._idle_ns <= now_ns and self._free(con_id, now_ns, busy)
        ]
        for con_id in idle:
            del self._used[con_id]
        return idle

    def __len__(self) -> int:
        return len(self._used)

    def _free(self, con_id: int, now_ns: int, busy: Collection[int]) -> bool:
        held = self._used[con_id] + self._hold_ns > now_ns
        return not held and con_id not in busy and con_id not in self._pinned


def prewarmed(settings: Settings) -> list[ContractSpec]:
    """What the configuration names to look up beforehand. Raises ConfigError for a text that names no contract."""
    try:
        symbols = [named(text, "ingress.symbols") for text in settings.ingress.symbols]
        further = [named(text, "quotes.contracts") for text in settings.quotes.contracts]
    except FieldError as error:
        section, _, rest = str(error).partition(".")
        raise ConfigError(f"[{section}] {rest}") from None
    return list(dict.fromkeys(symbols + further))
