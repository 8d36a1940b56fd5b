"""What goes wrong on purpose between gateway and client: rules on single messages. Pure.

A rule waits for messages that fit its pattern, lets the first `skip` of them pass, and then does to `times` of
them (0: to all) what its action says. The first rule that takes a message decides; rules that only watch never do.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import assert_never

from paper.names import MESSAGES, Message

_HEADER = 4  # bytes of length before a frame's payload
# what a Gateway still says while IB's servers are out of reach; market data is lost then, the rest waits
_SAID_OFFLINE = frozenset({b"4", b"9", b"15", b"49"})
_LOST_OFFLINE = frozenset({b"1", b"2", b"21", b"45", b"46", b"94", b"95", b"99"})


@dataclass(frozen=True, slots=True)
class Pattern:
    """Messages of one kind, of one client (None: of any), with some fields as given."""

    message: Message
    where: tuple[tuple[str, str], ...] = ()
    client: int | None = None

    def fits(self, inbound: bool, client: int | None, fields: list[bytes]) -> bool:
        """Whether a message, split into fields, is one of these."""
        if (inbound, fields[0]) != self.message.key or self.client not in (None, client):
            return False
        places = self.message.places
        return all(
            places[name] < len(fields) and fields[places[name]] == text.encode() for name, text in self.where
        )


@dataclass(frozen=True, slots=True)
class Drop:
    """The message never arrives."""


@dataclass(frozen=True, slots=True)
class Delay:
    """It arrives `seconds` late; what follows overtakes it."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Duplicate:
    """It arrives twice."""


@dataclass(frozen=True, slots=True)
class Hold:
    """It arrives right after the next message that fits `until`."""

    until: Pattern


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ends after `size` bytes of it."""

    size: int


@dataclass(frozen=True, slots=True)
class Watch:
    """It arrives, and a statement of a scenario is carried out."""

    statement: object


Action = Drop | Delay | Duplicate | Hold | Cut | Watch


@dataclass(slots=True)
class Rule:
    """A pattern, what is done, and how often it was already."""

    pattern: Pattern
    action: Action
    skip: int = 0
    times: int = 1
    seen: int = 0

    def takes(self, inbound: bool, client: int | None, fields: list[bytes]) -> bool:
        """Count a fitting message; whether this one is to be acted on."""
        if self.spent or not self.pattern.fits(inbound, client, fields):
            return False
        self.seen += 1
        return self.seen > self.skip

    @property
    def spent(self) -> bool:
        """Whether it has acted as often as it should."""
        return self.times > 0 and self.seen >= self.skip + self.times


@dataclass(frozen=True, slots=True)
class Now:
    """Write these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Later:
    """Write these bytes after `seconds`."""

    seconds: float
    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """Write these bytes, then end the connection."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Perform:
    """Carry a statement out."""

    statement: object


Step = Now | Later | End | Perform


@dataclass(slots=True)
class Faults:
    """All rules in force, what they hold back, and whether IB's servers can be reached."""

    rules: list[Rule] = field(default_factory=list)
    offline: bool = False
    _held: list[tuple[Pattern, int | None, bytes]] = field(default_factory=list)
    _withheld: dict[int | None, list[bytes]] = field(default_factory=dict)

    def outgoing(self, client: int | None, frame: bytes) -> Iterator[Step]:
        """What becomes of a frame on its way to a client."""
        if not self.rules and not self._held and not self.offline:
            yield Now(frame)
            return
        fields = frame[_HEADER:].split(b"\0")
        if self.offline and fields[0] not in _SAID_OFFLINE:
            if fields[0] not in _LOST_OFFLINE:
                self._withheld.setdefault(client, []).append(frame)
            return
        decided, statements = self._decide(False, client, fields)
        yield from self._act(decided, client, frame)
        if decided is None or not isinstance(decided, Drop | Delay | Hold):
            yield from self._release(client, fields)
        for statement in statements:
            yield Perform(statement)

    def incoming(self, client: int | None, payload: bytes) -> tuple[bool, tuple[object, ...]]:
        """Whether a request is to be served, and the statements to carry out after it."""
        if not self.rules:
            return True, ()
        decided, statements = self._decide(True, client, payload.split(b"\0"))
        return decided is None, statements

    def restore(self, *, kept: bool) -> dict[int | None, list[bytes]]:
        """IB's servers are back: what was withheld, by client, when it was kept."""
        self.offline = False
        withheld, self._withheld = self._withheld, {}
        return withheld if kept else {}

    def forget(self, client: int | None) -> None:
        """A client is gone, and with it what waited for it."""
        self._held = [held for held in self._held if held[1] != client]
        self._withheld.pop(client, None)

    def clear(self) -> None:
        """Drop all rules and what they hold back."""
        self.rules.clear()
        self._held.clear()

    def _decide(
        self, inbound: bool, client: int | None, fields: list[bytes]
    ) -> tuple[Action | None, tuple[object, ...]]:
        decided: Action | None = None
        statements: list[object] = []
        for rule in self.rules:
            watches = isinstance(rule.action, Watch)
            if (watches or decided is None) and rule.takes(inbound, client, fields):
                if isinstance(rule.action, Watch):
                    statements.append(rule.action.statement)
                else:
                    decided = rule.action
        self.rules = [rule for rule in self.rules if not rule.spent]
        return decided, tuple(statements)

    def _act(self, action: Action | None, client: int | None, frame: bytes) -> Iterator[Step]:
        match action:
            case None | Watch():
                yield Now(frame)
            case Drop():
                pass
            case Delay(seconds):
                yield Later(seconds, frame)
            case Duplicate():
                yield Now(frame)
                yield Now(frame)
            case Hold(until):
                self._held.append((until, client, frame))
            case Cut(size):
                yield End(frame[:size])
            case _:
                assert_never(action)

    def _release(self, client: int | None, fields: list[bytes]) -> Iterator[Step]:
        """What was held back until such a message."""
        waiting = self._held
        self._held = []
        for until, owner, frame in waiting:
            if owner == client and until.fits(False, client, fields):
                yield Now(frame)
            else:
                self._held.append((until, owner, frame))


def pattern(name: str, client: int | None = None, **where: str) -> Pattern:
    """A pattern by message name. Raises KeyError for an unknown message or field."""
    message = MESSAGES[name]
    for each in where:
        message.places[each]
    return Pattern(message, tuple(where.items()), client)
