"""Plays the client's part of a recording to a gateway and compares what comes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from tests.paper.conftest import RunningGateway
from tests.paper.raw import RawClient, place_order
from tests.paper.recording.foresight import Foresight, before_leg, client_of, order_of
from tests.paper.recording.likeness import FARMS, Names, difference, is_farm_notice
from tests.paper.recording.messages import check_known, request
from tests.paper.recording.reader import RecordingError, Step
from tests.paper.recording.tables import name_of

_SHORT = 0.5  # seconds in which what was recorded comes, or the gateway has nothing more to say
_CONTRACT = (
    "con_id symbol sec_type expiry strike right multiplier exchange primary_exchange currency local_symbol"
)
_NOT_TERMS = frozenset([*_CONTRACT.split(), "trading_class", "order_id", "field_count"])


@dataclass
class Result:
    """How far a recording was told again: messages as recorded, those said besides by name, the first difference."""

    told: int = 0
    besides: Counter[str] = field(default_factory=Counter)
    statements: list[str] = field(default_factory=list)
    difference: str = ""


def play(steps: list[Step], gateway: RunningGateway, *, abridged: bool = False) -> Result:
    """Tell a recording again; with `abridged` messages that it leaves out are counted, not a difference."""
    player = _Player(steps, gateway, abridged)
    try:
        player.run()
    except (RecordingError, _Different) as error:
        player.result.difference = str(error)
    finally:
        player.hang_up()
    return player.result


class _Different(Exception):
    """What came is not what was recorded."""


class _Player:
    def __init__(self, steps: list[Step], gateway: RunningGateway, abridged: bool) -> None:
        self.result = Result()
        self._steps = steps
        self._gateway = gateway
        self._abridged = abridged
        self._foresight = Foresight(steps)
        self._names = Names()
        self._client: RawClient | None = None
        self._client_id = 1
        self._asked: dict[
            str, dict[str, str]
        ] = {}  # the contract of each order, which a change may leave out

    def run(self) -> None:
        for step in self._steps:
            check_known(step)
        for at, step in enumerate(self._steps):
            match step.speaker:
                case "handshake":
                    self._connect(at)
                case "client":
                    self._speak(at, step)
                case "server":
                    self._listen(at, step)
                case _:
                    self._quiet(step)
                    self.hang_up()

    def hang_up(self) -> None:
        if self._client is not None:
            self._client.socket.close()
            self._client = None

    def _do(self, statement: str) -> None:
        try:
            self._gateway.do(statement)
        except Exception as error:
            raise RecordingError(f"{statement}: {error}") from None
        self.result.statements.append(statement)

    def _connect(self, at: int) -> None:
        self.hang_up()
        self._client_id = client_of(self._steps, at)
        for statement in before_leg(self._steps, at, self._client_id):
            self._do(statement)
        self._client = RawClient(self._gateway.port)
        self._client.greet()
        self._client.send(71, 2, self._client_id, "")

    def _speak(self, at: int, step: Step) -> None:
        client = self._connected(step)
        if self._steps[at - 1].speaker == "server":
            self._quiet(step)
        for statement in self._foresight.before(at, self._client_id):
            self._do(statement)
        if step.name == "place_order":
            client.send(*self._order(at, step))
        else:
            client.send(*request(step, self._names.request_id(step["req_id"]) if step["req_id"] else ""))

    def _listen(self, at: int, step: Step) -> None:
        if step.name == "api_error" and step["code"] in FARMS:
            return
        client = self._connected(step)
        client.socket.settimeout(_SHORT)
        while True:
            try:
                message = client.receive()
            except TimeoutError:
                raise _Different(f"line {step.number}: {_told(step)} did not come") from None
            if is_farm_notice(message):
                continue
            problem = difference(step, message, self._names)
            if problem is None:
                break
            if not self._abridged:
                raise _Different(
                    f"line {step.number}: recorded {_told(step)}\n  came {name_of(message)} {message}\n  {problem}"
                )
            self.result.besides[name_of(message)] += 1
        self.result.told += 1
        for statement in self._foresight.after(at):
            self._do(statement)

    def _quiet(self, step: Step) -> None:
        """Nothing more may have been said, but for what an abridged recording leaves out."""
        if self._client is None or not self._client.version:
            return
        self._client.socket.settimeout(_SHORT * 10)
        late = (
            {"commission_report"} if step.speaker == "disconnect" else set()
        )  # recorders do not wait for it
        heard = [one for one in self._client.heard() if not is_farm_notice(one)]
        extra = [one for one in heard if name_of(one) not in late]
        if extra and not self._abridged:
            raise _Different(
                f"line {step.number}: before it came {name_of(extra[0])} {extra[0]}, not recorded"
            )
        self.result.besides.update(name_of(one) for one in extra)

    def _connected(self, step: Step) -> RawClient:
        if self._client is None:
            raise RecordingError(f"line {step.number}: there is no handshake before it")
        return self._client

    def _order(self, at: int, step: Step) -> list[object]:
        known = self._asked.get(step["order_id"], {})
        about = order_of(self._steps, at)
        contract = {
            key: step[key] or known.get(key) or about[key] for key in [*_CONTRACT.split(), "trading_class"]
        }
        contract["con_id"] = contract["con_id"] or "0"
        self._asked[step["order_id"]] = contract
        terms = {key: value for key, value in (step.fields or {}).items() if key not in _NOT_TERMS}
        if not terms:  # the recorder kept no more than the id
            raise RecordingError(f"line {step.number}: the order's terms were not recorded")
        named = {_camel(key): value for key, value in terms.items()}
        return place_order(176, int(step["order_id"]), tuple(contract.values()), **named)


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def _told(step: Step) -> str:
    return f"{step.name} {step.fields or {}}"
