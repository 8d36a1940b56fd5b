"""`router parked`: orders of which nobody can say whether the broker has them. A person decides."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Literal, cast

import msgspec

from conf.settings import Settings
from ipc.codec import to_document
from router.contract import describe
from router.messages import OrderParked, ParkedQuery, ParkedReply, PlaceReply, ResolveParked
from workers.cli.gateway import Refused, ask
from workers.cli.health import Exit

How = Literal["adopt", "resend", "drop"]


def parked(settings: Settings, options: argparse.Namespace) -> int:
    """List them, show one, or decide on one."""
    match options.what:
        case "list":
            return _list(settings)
        case "show":
            return _show(settings, options.delivery)
        case how:
            return _resolve(settings, options.delivery, cast("How", how))


def _all(settings: Settings) -> tuple[OrderParked, ...]:
    return ask(settings, ParkedQuery(), ParkedReply).parked


def _list(settings: Settings) -> int:
    found = _all(settings)
    for one in found:
        request = one.request
        at = datetime.fromtimestamp(request.signal.ts_ms / 1000, UTC)
        terms = f"{request.action} {request.quantity} {describe(request.contract)}"
        print(f"{one.delivery}  {at:%Y-%m-%d %H:%M:%S} UTC  {request.account}  {terms}  {one.reason}")
    if not found:
        print("nothing is parked")
    return Exit.OK


def _show(settings: Settings, delivery: str) -> int:
    for one in _all(settings):
        if one.delivery == delivery:
            print(msgspec.json.format(msgspec.json.encode(to_document(one))).decode())
            return Exit.OK
    raise Refused(f"{delivery} is not parked: see `router parked list`")


def _resolve(settings: Settings, delivery: str, how: How) -> int:
    command = ResolveParked(delivery=delivery, how=how)
    reply = ask(settings, command, PlaceReply)
    done = {"adopt": "adopted: it counts as sent", "drop": "dropped: it will never be sent"}
    print(f"{delivery} {done.get(how, reply.outcome)}")
    return Exit.OK
