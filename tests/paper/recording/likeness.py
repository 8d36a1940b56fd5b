"""Whether a message that came is the one that was recorded."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from tests.paper.raw import Message
from tests.paper.recording.reader import Step
from tests.paper.recording.tables import ANSWERS

FARMS = frozenset({"2103", "2104", "2105", "2106", "2107", "2108", "2119", "2157", "2158"})
_UNSET = Decimal("1e300")
# what another market, another day and another account make different
_FREE = (
    "avg_fill_price last_fill_price price size time commission value avg_cost daily_pnl unrealized_pnl venue"
)
_LOOSE = frozenset(_FREE.split())
_MADE_UP = frozenset({"perm_id", "exec_id", "oca_group", "req_id"})


class Names:
    """What the ids that a Gateway makes up, and the recording's `$names`, stand for here."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._next_request = 9000

    def request_id(self, text: str) -> str:
        """The request id sent for a recorded one."""
        if text not in self._known:
            self._next_request += 1
            self._known[text] = str(self._next_request)
        return self._known[text]

    def agrees(self, recorded: str, came: str) -> bool:
        """Whether `came` is what `recorded` always stood for; the first time it is taken as that."""
        if recorded in ("", "0") or came in ("", "0"):
            return recorded == came
        if recorded not in self._known and came in self._known.values():
            return False
        return self._known.setdefault(recorded, came) == came


def is_farm_notice(message: Message) -> bool:
    """Whether this is a notice of a data farm, which come as they like."""
    return message[0] == "4" and message[3] in FARMS


def difference(step: Step, message: Message, names: Names) -> str | None:
    """The first field that is not as recorded, in words; None when the message is the recorded one."""
    answer = ANSWERS[step.name]
    if message[0] != str(answer.number):
        return "another message"
    for key, recorded in (step.fields or {}).items():
        if (step.name, key) in _NOT_SENT or key not in answer.places:
            continue
        came = message[answer.places[key]]
        if not _alike(step, key, recorded, came, names):
            return f"{key} is {came!r}, recorded {recorded!r}"
    return None


# keys that recorders keep but that are not in those messages' bytes
_NOT_SENT = frozenset(
    {("open_order", "filled"), ("open_order", "remaining"), ("completed_order", "remaining")}
)


def _alike(step: Step, key: str, recorded: str, came: str, names: Names) -> bool:
    if key in _LOOSE or (step.name, key) == ("execution_detail", "exchange"):
        return True
    if key == "currency" and step.name.startswith(("account", "update_account")):
        return True
    if key == "lmt_price" and step["order_type"].startswith("TRAIL"):  # follows from where the market was
        return (Decimal(recorded or 0) == 0) == (Decimal(came or 0) == 0)
    if key == "realized_pnl":
        return _is_unset(recorded) == _is_unset(came)
    if key in _MADE_UP and not (key == "req_id" and recorded == "-1"):
        owner = step.name == "api_error" and not recorded.startswith("$")
        return recorded == came if owner else names.agrees(recorded, came)
    if key == "message":
        return _without_digits(recorded) == _without_digits(came)
    return recorded == came or _equal_numbers(recorded, came)


def _equal_numbers(recorded: str, came: str) -> bool:
    """Numbers are compared by value, and an unset one may be spelled as nothing or as zero."""
    try:
        return Decimal(recorded or "0") == Decimal(came or "0")
    except InvalidOperation:
        return False


def _is_unset(text: str) -> bool:
    return not text or abs(Decimal(text)) > _UNSET


def _without_digits(text: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "#", text)
