"""The language faults are scripted in: one statement a line, read by people first. Pure.

    drop orderStatus status=Filled [client 1] [skip 2] [times 3|always]
    delay execDetails by 0.5            duplicate orderStatus status=Filled
    hold execDetails until commissionReport        cut openOrder at 17
    swallow placeOrder orderRef=s-1-E   when placeOrder orderRef=s-1-E : move AAPL 250
    after 1.5 : connectivity lost       at 23:45 : restart down 5
    connectivity kept|data-lost         farm usfarm broken|ok|inactive
    error 399 "Order Message: ..." on last         reject last 201 "Order rejected - reason:"
    correct last price 101.5 shares 2   bust last
    disconnect 1 [after 100]            freeze 1     thaw 1     throttle 1 2000
    rollback 1 by 5                     pacing off|reject|queue               restart [down 2]
    cancel last "We cannot accept …"     (as IB ends an order by itself; without a text as a hand in TWS)
    clear                               <anything else>: a hand on market, clock or orders, see paper/controls.py

Words are split as in a shell; `#` starts a comment. Orders are named `last`, `CLIENT/ORDERID` or by orderRef;
executions `last` or by execId.
"""

import difflib
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from pathlib import Path

from paper.faults import Action, Cut, Delay, Drop, Duplicate, Hold, Pattern, Rule, Watch
from paper.names import MESSAGES
from paper.pacing import Policy
from paper.words import Words

# what paper/hands.py does
_HANDS = "move quote release path halt resume advance fill manual close cancel own own-unlisted enlist nextid switch"
HAND_VERBS = frozenset(_HANDS.split())


class ScriptError(ValueError):
    """A statement that cannot be read; says which and why."""


@dataclass(frozen=True, slots=True)
class AddRule:
    """Put a rule on messages in force."""

    pattern: Pattern
    action: Action
    skip: int
    times: int

    def rule(self) -> Rule:
        """A fresh rule that has seen nothing yet."""
        return Rule(self.pattern, self.action, self.skip, self.times)


@dataclass(frozen=True, slots=True)
class Clear:
    """Drop all rules."""


@dataclass(frozen=True, slots=True)
class After:
    """Carry a statement out `seconds` from now."""

    seconds: float
    statement: "Statement"


@dataclass(frozen=True, slots=True)
class At:
    """Carry a statement out at the next `moment`, New York time, by the gateway's clock."""

    moment: time
    statement: "Statement"


@dataclass(frozen=True, slots=True)
class Connectivity:
    """1100, 1102 or 1101."""

    state: str


@dataclass(frozen=True, slots=True)
class Farm:
    """A data farm's notice."""

    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Tell:
    """An error message to the owner of an order, or to everyone with id -1."""

    code: int
    text: str
    order: str


@dataclass(frozen=True, slots=True)
class Reject:
    """End an accepted order with an error."""

    order: str
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Correct:
    """Send an execution again, revised. Price in USD per share; None leaves it as it was. No shares is a bust."""

    execution: str
    price: str | None
    shares: str | None


@dataclass(frozen=True, slots=True)
class Disconnect:
    """End a client's connection after so many more bytes."""

    client: int
    after: int


@dataclass(frozen=True, slots=True)
class Freeze:
    """Stop reading from and writing to a client, or go on."""

    client: int
    frozen: bool


@dataclass(frozen=True, slots=True)
class Throttle:
    """Write so many bytes a second to a client; 0 is unlimited."""

    client: int
    rate: int


@dataclass(frozen=True, slots=True)
class Rollback:
    """Take a client's next order id back."""

    client: int
    by: int


@dataclass(frozen=True, slots=True)
class Restart:
    """Drop every connection and staged order, refuse connections for `down` seconds, go on."""

    down: float


@dataclass(frozen=True, slots=True)
class SetPacing:
    """What is done to clients that send too fast."""

    policy: Policy


@dataclass(frozen=True, slots=True)
class Hand:
    """A hand on market, clock or orders: the words go to the controls."""

    words: tuple[str, ...]


Statement = (
    AddRule
    | Clear
    | After
    | At
    | Connectivity
    | Farm
    | Tell
    | Reject
    | Correct
    | Disconnect
    | Freeze
    | Throttle
    | Rollback
    | Restart
    | SetPacing
    | Hand
)


def read_script(path: Path) -> list[tuple[int, Statement]]:
    """A file's statements, each with its line. Raises ScriptError naming the line, OSError when it cannot be read."""
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError:
        raise ScriptError(f"{path} is not a text") from None
    statements: list[tuple[int, Statement]] = []
    for number, line in enumerate(lines, 1):
        try:
            statements += [(number, statement) for statement in read_lines(line)]
        except ScriptError as error:
            raise ScriptError(f"{path}, line {number}: {error}") from None
    return statements


def read_lines(text: str) -> list[Statement]:
    """The statements of a text, one a line. Raises ScriptError."""
    return [statement for line in text.splitlines() if (statement := read_statement(line)) is not None]


def read_statement(line: str) -> Statement | None:
    """One line; None when there is nothing in it. Raises ScriptError."""
    try:
        words = Words(shlex.split(line, comments=True))
        return _statement(words) if words.left else None
    except (ValueError, KeyError) as error:
        reason = f"no such message or field: {error}" if isinstance(error, KeyError) else str(error)
        raise ScriptError(f"{line.strip()!r}: {reason}") from None


def _statement(words: Words) -> Statement:
    verb = words.take("statement")
    read = _VERBS.get(verb)
    if read is None and verb not in HAND_VERBS:
        known = sorted([*_VERBS, *HAND_VERBS])
        near = difflib.get_close_matches(verb, known, n=1)
        hint = f"is {near[0]!r} meant?" if near else f"there are {', '.join(known)}"
        raise ValueError(f"{verb!r} is no statement; {hint}")
    if read is None:
        hand, words.left = Hand((verb, *words.left)), []
        return hand
    statement = read(words)
    words.end()
    return statement


def _pattern(words: Words) -> Pattern:
    message = MESSAGES[words.take("message")]
    where = []
    while words.left and re.fullmatch(r"\w+=.*", words.left[0]):
        name, _, text = words.take("field").partition("=")
        message.places[name]
        where.append((name, text))
    client = words.whole("client") if words.take_if("client") else None
    return Pattern(message, tuple(where), client)


def _rule(words: Words, pattern: Pattern, action: Action, times: int = 1) -> AddRule:
    skip = words.whole_after("skip", 0)
    times = words.whole_after("times", times)
    times = 0 if words.take_if("always") else times
    return AddRule(pattern, action, skip, times)


def _on_answer(make: Callable[[Words], Action]) -> Callable[[Words], Statement]:
    """A rule for what the gateway sends."""

    def read(words: Words) -> Statement:
        pattern = _pattern(words)
        if pattern.message.inbound:
            raise ValueError(f"{pattern.message.name} comes from the client: it can only be swallowed")
        return _rule(words, pattern, make(words))

    return read


def _delay(words: Words) -> Action:
    words.expect("by")
    return Delay(words.seconds())


def _hold(words: Words) -> Action:
    words.expect("until")
    return Hold(_pattern(words))


def _cut(words: Words) -> Action:
    words.expect("at")
    return Cut(words.whole("byte"))


def _swallow(words: Words) -> Statement:
    pattern = _pattern(words)
    if not pattern.message.inbound:
        raise ValueError(f"{pattern.message.name} is the gateway's own: it can be dropped")
    return _rule(words, pattern, Drop())


def _when(words: Words) -> Statement:
    pattern = _pattern(words)
    skip, always = words.whole_after("skip", 0), words.take_if("always")
    words.expect(":")
    return AddRule(pattern, Watch(_statement(words)), skip, 0 if always else 1)


def _after(words: Words) -> Statement:
    seconds = words.seconds()
    words.expect(":")
    return After(seconds, _statement(words))


def _at(words: Words) -> Statement:
    text = words.take("hh:mm")
    try:
        moment = time.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an hour as 23:45") from None
    words.expect(":")
    return At(moment, _statement(words))


def _one_of(words: Words, what: str, *choices: str) -> str:
    word = words.take(what)
    if word not in choices:
        raise ValueError(f"{what} {word!r} is none of {', '.join(choices)}")
    return word


def _error(words: Words) -> Statement:
    code, text = words.whole("code"), words.take("text")
    return Tell(code, text, words.option("on") or "")


def _correct(words: Words) -> Statement:
    name = words.take("execution")
    return Correct(name, words.option("price"), words.option("shares"))


_VERBS: dict[str, Callable[[Words], Statement]] = {
    "drop": _on_answer(lambda words: Drop()),
    "delay": _on_answer(_delay),
    "duplicate": _on_answer(lambda words: Duplicate()),
    "hold": _on_answer(_hold),
    "cut": _on_answer(_cut),
    "swallow": _swallow,
    "when": _when,
    "after": _after,
    "at": _at,
    "clear": lambda words: Clear(),
    "connectivity": lambda words: Connectivity(_one_of(words, "state", "lost", "kept", "data-lost")),
    "farm": lambda words: Farm(words.take("farm"), _one_of(words, "state", "broken", "ok", "inactive")),
    "error": _error,
    "reject": lambda words: Reject(words.take("order"), words.whole("code"), words.take("text")),
    "correct": _correct,
    "bust": lambda words: Correct(words.take("execution"), None, "0"),
    "disconnect": lambda words: Disconnect(words.whole("client"), words.whole_after("after", 0)),
    "freeze": lambda words: Freeze(words.whole("client"), frozen=True),
    "thaw": lambda words: Freeze(words.whole("client"), frozen=False),
    "throttle": lambda words: Throttle(words.whole("client"), words.whole("bytes per second")),
    "rollback": lambda words: Rollback(words.whole("client"), words.whole_after("by", 1)),
    "restart": lambda words: Restart(words.seconds("down") if words.take_if("down") else 0),
    "pacing": lambda words: SetPacing(Policy(_one_of(words, "policy", *Policy))),
}
