"""Recorded conversations, told in lines: what a client sends, and exactly what the gateway has to answer.

    let aapl conId=265598 symbol=AAPL …      names a set of fields
    ! switch market_ack submitted            a statement for the gateway's control socket
    > place a AAPL BUY 1 MKT lmtPrice=…      an order, called `a` from then on; `> place a …` again modifies it, and
                                             `parent=a` makes another its child
    > cancel a                               > send 61 1          any other message, field by field
    < orderStatus a status=Filled permId=:p  the next message: these fields are equal, `:p` is any value but the
                                             same wherever `:p` stands; `…=~text` begins with it
    < …

Between a `>` and the next one exactly the `<` messages come, in that order and nothing else.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from tests.paper.conftest import RunningGateway
from tests.paper.raw import AAPL, Message, RawClient, place_order

_CONTRACT = "conId symbol secType expiry strike right multiplier exchange currency localSymbol tradingClass"
_ORDER = "action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose origin orderRef"
# message ids and where the named fields are at version 176, counted from tws-protocol tables, not from the gateway
_FIELDS: dict[str, tuple[int, dict[str, int]]] = {}


def _table(name: str, number: int, first: int, names: str, **more: int) -> None:
    _FIELDS[name] = (number, {one: first + at for at, one in enumerate(names.split())} | more)


_table("managedAccounts", 15, 2, "accounts")
_table("nextValidId", 9, 2, "orderId")
_table("error", 4, 2, "orderId code text advanced")
_table("openOrder", 5, 1, f"orderId {_CONTRACT} {_ORDER} clientId permId", trailStopPrice=-22, status=-42)
_table(
    "orderStatus",
    3,
    1,
    "orderId status filled remaining avgFillPrice permId parentId lastFillPrice clientId whyHeld mktCapPrice",
)
_table(
    "execDetails",
    11,
    1,
    f"reqId orderId {_CONTRACT} execId time account venue side shares price permId clientId",
)
_table("commissionReport", 59, 2, "execId commission currency realizedPNL")
_table("position", 61, 2, f"account {_CONTRACT} position avgCost")
_table("positionEnd", 62, 2, "")
_table("openOrderEnd", 53, 2, "")


@dataclass(frozen=True)
class Line:
    """One line that does something: its sign and its words."""

    number: int
    sign: str
    words: tuple[str, ...]


@dataclass
class Story:
    """A file: the names it lets stand for fields, and its lines."""

    lines: list[Line] = field(default_factory=list)

    @property
    def exchanges(self) -> list[tuple[list[Line], list[Line]]]:
        """What is done, and what is then answered."""
        found: list[tuple[list[Line], list[Line]]] = [([], [])]
        for line in self.lines:
            if line.sign != "<" and found[-1][1]:
                found.append(([], []))
            found[-1][line.sign == "<"].append(line)
        return found


def read_story(path: Path) -> Story:
    """The story of a file. Raises ValueError naming the line."""
    story, sets = Story(), dict[str, list[str]]()
    for number, text in enumerate(path.read_text().splitlines(), 1):
        words = shlex.split(text, comments=True)
        if not words:
            continue
        sign, *rest = words
        told = (sets[word[1:]] if word.startswith("$") else [word] for word in rest)
        spelled = [word for some in told for word in some]
        if sign == "let":
            sets[spelled[0]] = spelled[1:]
        elif sign in "!<>":
            story.lines.append(Line(number, sign, tuple(spelled)))
        else:
            raise ValueError(f"{path}:{number}: {sign!r} is none of let ! > <")
    return story


class Telling:
    """One story being told to one gateway by one raw client."""

    def __init__(self, gateway: RunningGateway, client: RawClient, client_id: int) -> None:
        self._gateway = gateway
        self._client = client
        self._client_id = client_id
        self._names: dict[str, str] = {}  # what order names and `:x` stand for
        self._next_id = 0
        self.said = 0

    def tell(self, story: Story) -> None:
        """Play it. Fails the test at the first message that differs."""
        for acts, answers in story.exchanges:
            for act in acts:
                self._act(act)
            for line in answers:
                self._judge(line, self._client.receive())
                self.said += 1
            if self._client.version and self._next_id:
                extra = self._client.heard()
                assert extra == [], f"after line {(answers or acts)[-1].number}: nothing more was to come"

    def _act(self, line: Line) -> None:
        verb, *rest = line.words
        if line.sign == "!":
            self._gateway.do(shlex.join(line.words))
        elif verb == "connect":
            self._client.greet()
            self._client.send(71, 2, self._client_id, "")
        elif verb == "send":
            self._client.send(*rest)
        elif verb == "cancel":
            self._client.send(4, 1, self._names[rest[0]], "")
        else:
            assert verb == "place", f"line {line.number}: {verb!r}"
            self._place(*rest)

    def _place(self, name: str, symbol: str, action: str, quantity: str, kind: str, *more: str) -> None:
        if name not in self._names:
            self._names[name] = str(self._next_id)
            self._next_id += 1
        fields = dict(word.split("=", 1) for word in more)
        if "parent" in fields:
            fields["parentId"] = self._names[fields.pop("parent")]
        contract = tuple("" if at == 0 else symbol if at == 1 else text for at, text in enumerate(AAPL))
        terms = {"action": action, "totalQuantity": quantity, "orderType": kind, **fields}
        self._client.send(*place_order(self._client.version, int(self._names[name]), contract, **terms))

    def _judge(self, line: Line, message: Message) -> None:
        name, *rest = line.words
        number, places = _FIELDS[name]
        where = f"line {line.number}: {' '.join(line.words)}\ncame {message}"
        assert message[0] == str(number), where
        for word in rest:
            key, equals, expected = word.partition("=")
            if not equals:
                key, expected = "orderId", self._names[word]
            came = message[places[key]]
            if key == "orderId" and name == "nextValidId":
                self._next_id = int(came)
            if expected.startswith(":"):
                assert came
                assert self._names.setdefault(expected, came) == came, f"{key}: {where}"
            elif expected.startswith("~"):
                assert came.startswith(expected[1:]), f"{key}: {where}"
            else:
                assert came == expected, f"{key} is {came!r}: {where}"
