"""A client that is nothing but bytes: frames in and out of a socket, fields as they stand. Its own encoder."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from typing import Self

Message = list[str]
SECONDS = 15.0

# the twelve fields of a contract
AAPL = ("265598", "AAPL", "STK", "", "0.0", "", "", "SMART", "", "USD", "", "")


def encode(*fields: object) -> bytes:
    """One frame."""
    payload = "".join(f"{field}\0" for field in fields).encode()
    return struct.pack(">I", len(payload)) + payload


def place_order(
    version: int, order_id: int, contract: tuple[str, ...] = AAPL, **order: object
) -> list[object]:
    """The fields of a simple placeOrder: 110 at 157, 113 at 165, 115 at 176. Keywords are IB's names."""
    defaults = {
        "action": "BUY",
        "totalQuantity": 1,
        "orderType": "MKT",
        "tif": "DAY",
        "transmit": 1,
        "origin": 0,
    }
    named = {**defaults, **order}
    fields: list[object] = [
        3,
        order_id,
        *contract,
        *[named.pop(name, _DEFAULTS.get(name, "")) for name in _ORDER],
    ]
    for since, default in ((158, ""), (160, 0), (162, 0), (166, ""), (169, "")):
        fields += [default] if version >= since else []
    assert not named, f"no such fields: {named}"
    return fields


_NAMES = (
    "secIdType secId action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose origin orderRef "
    "transmit parentId blockOrder sweepToFill displaySize triggerMethod outsideRth hidden sharesAllocation "
    "discretionaryAmt goodAfterTime goodTillDate faGroup faMethod faPercentage faProfile modelCode shortSaleSlot "
    "designatedLocation exemptCode ocaType rule80A settlingFirm allOrNone minQty percentOffset eTradeOnly "
    "firmQuoteOnly nbboPriceCap auctionStrategy startingPrice stockRefPrice delta stockRangeLower stockRangeUpper "
    "overridePercentageConstraints volatility volatilityType deltaNeutralOrderType deltaNeutralAuxPrice "
    "continuousUpdate referencePriceType trailStopPrice trailingPercent scaleInitLevelSize scaleSubsLevelSize "
    "scalePriceIncrement scaleTable activeStartTime activeStopTime hedgeType optOutSmartRouting clearingAccount "
    "clearingIntent notHeld deltaNeutralContract algoStrategy algoId whatIf orderMiscOptions solicited randomizeSize "
    "randomizePrice conditions adjustedOrderType triggerPrice lmtPriceOffset adjustedStopPrice "
    "adjustedStopLimitPrice adjustedTrailingAmount adjustableTrailingUnit extOperator softDollarTierName "
    "softDollarTierVal cashQty mifid2DecisionMaker mifid2DecisionAlgo mifid2ExecutionTrader mifid2ExecutionAlgo "
    "dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice usePriceMgmtAlgo"
)
_ORDER = _NAMES.split()
_ZEROS = (
    "parentId blockOrder sweepToFill displaySize triggerMethod outsideRth hidden discretionaryAmt shortSaleSlot "
    "ocaType allOrNone eTradeOnly firmQuoteOnly auctionStrategy overridePercentageConstraints continuousUpdate "
    "optOutSmartRouting notHeld deltaNeutralContract whatIf solicited randomizeSize randomizePrice conditions "
    "adjustableTrailingUnit dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice"
)
_DEFAULTS = dict.fromkeys(_ZEROS.split(), "0") | {"exemptCode": "-1"}


class RawClient:
    """One socket to a gateway."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self._data = b""
        self.version = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def greet(self, low: int = 157, high: int = 176) -> Message:
        """Handshake; returns the two fields of the answer."""
        greeting = f"v{low}..{high}".encode()
        self.socket.sendall(b"API\0" + struct.pack(">I", len(greeting)) + greeting)
        answer = self.receive()
        self.version = int(answer[0])
        return answer

    def start(self, client_id: int = 1, version: int = 176) -> list[Message]:
        """Handshake and startApi; returns what is said up to the last farm notice."""
        self.greet(high=version)
        self.send(71, 2, client_id, "")
        return list(self.until(lambda one: one[0] == "4" and one[3] == "2158"))

    def send(self, *fields: object) -> None:
        """One message."""
        self.socket.sendall(encode(*fields))

    def receive(self) -> Message:
        """The next message. Raises ConnectionError when the gateway hung up, TimeoutError when nothing comes."""
        while True:
            if len(self._data) >= 4:
                (length,) = struct.unpack(">I", self._data[:4])
                if len(self._data) >= 4 + length:
                    payload, self._data = self._data[4 : 4 + length], self._data[4 + length :]
                    assert payload.endswith(b"\0")
                    return payload[:-1].decode().split("\0")
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError(f"the gateway hung up; left over: {self._data!r}")
            self._data += data

    def until(self, last: object) -> Iterator[Message]:
        """Messages up to and with the one for which `last` holds."""
        assert callable(last)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            message = self.receive()
            yield message
            if last(message):
                return
        raise TimeoutError("the last message did not come")

    def ask(self, *fields: object) -> list[Message]:
        """Send one message; everything that comes before the gateway answers reqCurrentTime, sent right after it."""
        self.send(*fields)
        self.send(49, 1)
        return [one for one in self.until(lambda one: one[0] == "49") if one[0] != "49"]

    def heard(self) -> list[Message]:
        """Everything that has come unasked."""
        return self.ask(14, 1, 1)  # a log level is not answered

    def left_over(self) -> bytes:
        """What came of a frame that never ended: reads until the gateway hangs up."""
        while data := self.socket.recv(65536):
            self._data += data
        return self._data
