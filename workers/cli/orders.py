"""`router cancel`, `flatten`, `halt`, `reset-paper`: hands on what works and what is held."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sized

from conf.settings import Settings
from router.contract import describe
from router.messages import (
    CancelAll,
    CancelOrders,
    CancelReply,
    Flatten,
    FlattenReply,
    HoldingsQuery,
    HoldingsReply,
    ModifyOrder,
    ModifyReply,
)
from router.protection import is_ours
from workers.cli.gateway import Refused, ask
from workers.cli.health import Exit
from workers.cli.misuse import Misused
from workers.cli.naming import is_perm_id, meant
from workers.store import keys
from workers.store.client import connect

FLATTEN_S = 30.0  # for the gateway to cancel what works and send what closes
LOOK_S = 0.2


def cancel(settings: Settings, options: argparse.Namespace) -> int:
    """Cancel by orderRef, permId or signal."""
    name = options.name
    if is_perm_id(name):
        command = CancelOrders(refs=(), perm_ids=(int(name),))
    elif is_ours(name):
        command = CancelOrders(refs=(name,))
    else:
        command = CancelOrders(refs=(), signals=(name,))
    reply = ask(settings, command, CancelReply)
    for ref in reply.refs:
        print(f"cancel sent for {ref}")
    if not reply.refs:
        print(f"router: no live order of this router under {name}", file=sys.stderr)
        return Exit.DEGRADED
    return Exit.OK


def modify(settings: Settings, options: argparse.Namespace) -> int:
    """Change quantity or prices of one order, by orderRef, permId or signal."""
    if options.quantity is None and options.limit is None and options.stop is None:
        raise Misused("say what to change: --quantity, --limit or --stop")
    change = ModifyOrder(
        ref=options.name,
        reason="router modify",
        quantity=options.quantity,
        limit_price=options.limit,
        stop_price=options.stop,
    )
    if not is_ours(options.name):
        orders = ask(settings, HoldingsQuery(), HoldingsReply).orders
        ours = [event for event in orders if event.client_id == settings.broker.client_id]
        change = meant(options.name, change, ours)
    reply = ask(settings, change, ModifyReply)
    print(f"modification of {reply.ref} sent (order id {reply.order_id})")
    return Exit.OK


def flatten(settings: Settings, options: argparse.Namespace) -> int:
    """Cancel everything and close everything, and wait until IB says so."""
    return _flat(settings, options.account, options.wait)


def reset_paper(settings: Settings, options: argparse.Namespace) -> int:
    """The same on a simulated account, orders of every client included."""
    account = ask(settings, HoldingsQuery(), HoldingsReply).account
    if settings.mode != "paper" or not account.startswith("DU"):
        raise Refused(f"account {account} in mode {settings.mode} is no paper account (DU…): not touched")
    if not options.yes:
        raise Misused(f"this cancels every order and closes every position of {account}: say --yes")
    working = ask(settings, CancelAll(), CancelReply)
    print(f"{_count(working.refs, 'order')} of all clients cancelled")
    return _flat(settings, account, options.wait)


def _flat(settings: Settings, account: str, wait_s: float) -> int:
    deadline = time.monotonic() + wait_s
    reply = ask(settings, Flatten(account=account), FlattenReply, timeout_s=FLATTEN_S)
    print(f"{_count(reply.cancelled, 'order')} cancelled, {_count(reply.closing, 'closing order')} sent")
    while True:
        left = ask(settings, HoldingsQuery(), HoldingsReply)
        account = account or left.account
        positions = [one for one in left.positions if one.account == account]
        orders = [one for one in left.orders if one.account == account]
        if not positions and not orders:
            print(f"{account} is flat, no order works")
            return Exit.OK
        if time.monotonic() > deadline:
            break
        time.sleep(LOOK_S)
    for position in positions:
        print(f"still held: {position.quantity:g} {describe(position.contract)}")
    for order in orders:
        held_for = f", {order.why_held}" if order.why_held else ""
        print(f"still works: {order.ref or f'permId {order.perm_id}'} {order.status}{held_for}")
    print(f"router: {account} is not flat after {wait_s:g} s: is its market open?", file=sys.stderr)
    return Exit.DEGRADED


def _count(things: Sized, what: str) -> str:
    return f"{len(things)} {what}" if len(things) == 1 else f"{len(things)} {what}s"


def halt(settings: Settings, options: argparse.Namespace) -> int:
    """The platform's own switch: signals wait in Redis while it is on; protection works on."""
    client = connect(settings.redis_url, name="cli", timeout_s=settings.redis.socket_timeout_s)
    try:
        client.call("SET", keys.HALT, "true" if options.state == "on" else "false")
    finally:
        client.close()
    print("halted: no signal is taken, protection works on" if options.state == "on" else "running")
    return Exit.OK
