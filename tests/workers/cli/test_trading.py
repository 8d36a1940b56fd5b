"""The commands about orders and positions, on the whole stack with the paper gateway."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from conf.settings import Settings
from ipc.bus import Journal, JournalReader, Publisher
from router.messages import OrderIntent, OrderSent
from tests.storm.stage import Stage
from workers.cli import __main__ as cli


class Done(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


class Desk:
    """A stack, and the command line in this process."""

    def __init__(
        self, stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.stage = stage
        self._capsys = capsys
        self._patch = monkeypatch
        self.use(stage.settings)

    def use(self, settings: Settings) -> None:
        """The settings that the command line finds."""
        self._patch.setattr(cli, "load", lambda: settings)

    def router(self, *arguments: str) -> Done:
        """Run a command."""
        self._capsys.readouterr()
        code = cli.main(list(arguments))
        return Done(code, *self._capsys.readouterr())

    def bracket(self) -> str:
        """A signal whose bracket has filled."""
        signal_id = self.stage.send(targets=3)
        self.stage.await_true(lambda: self.stage.ack(signal_id), "the ack", 20)
        return signal_id


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One stack for all tests here."""
    root = Path(tempfile.mkdtemp(prefix="c", dir="/tmp"))
    with Stage(root) as made:
        yield made
    shutil.rmtree(root)


@pytest.fixture
def desk(stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The stack's command line."""
    return Desk(stage, capsys, monkeypatch)


def live_refs(desk: Desk) -> list[str]:
    """orderRefs that work."""
    return [event.ref for event in desk.stage.now().orders]


@pytest.mark.timeout(120)
def test_explain_tells_the_chain_in_order(desk: Desk) -> None:
    """From received to what the platform was told, each line with its time; an unknown signal is said to be unknown."""
    signal_id = desk.bracket()
    desk.stage.await_true(lambda: "ENTRY" in desk.router("explain", signal_id).out, "ENTRY is told", 10)
    lines = desk.router("explain", signal_id).out.splitlines()
    places = [
        next(i for i, line in enumerate(lines) if word in line)
        for word in (
            "received",
            "gated",
            "sized",
            "intended",
            "sent: 7 orders",
            "IB: E ",
            "told the platform: ENTRY",
        )
    ]
    assert places == sorted(places)
    assert lines[0].split("ms")[0].split()[-1] == "0.0"
    unknown = desk.router("explain", "nobody")
    assert (unknown.code, unknown.out) == (1, "")
    assert "no journal knows" in unknown.err


@pytest.mark.timeout(120)
def test_cancel_by_ref_permid_and_signal(desk: Desk) -> None:
    """A target by its ref, one by its permId, the rest by their signal; what does not exist is said."""
    signal_id = desk.bracket()
    holdings = desk.stage.now()
    mine = {event.ref: event for event in holdings.orders if event.ref.startswith(signal_id)}
    targets = [ref for ref in mine if "-T" in ref]
    assert desk.router("cancel", targets[0]) == (0, f"cancel sent for {targets[0]}\n", "")
    assert desk.router("cancel", str(mine[targets[1]].perm_id)).out == f"cancel sent for {targets[1]}\n"
    desk.stage.await_true(lambda: not {targets[0], targets[1]} & set(live_refs(desk)), "both are gone")
    assert desk.router("cancel", signal_id).code == 0
    assert desk.router("cancel", "nobody").code == 1


@pytest.mark.timeout(120)
def test_modify_keeps_every_other_term(desk: Desk) -> None:
    """A target's new price is what IB then has; quantity, group and time in force are as before (contract 8)."""
    signal_id = desk.bracket()
    holdings = desk.stage.now()
    before = next(e for e in holdings.orders if e.ref.startswith(signal_id) and "-T1" in e.ref)
    done = desk.router("modify", before.ref, "--limit", "400")
    assert done.code == 0, done.err

    def changed() -> bool:
        (after,) = [event for event in desk.stage.now().orders if event.ref == before.ref]
        terms = ("action", "quantity", "tif", "oca_group", "oca_type", "outside_rth", "perm_id", "order_type")
        same = all(getattr(after, name) == getattr(before, name) for name in terms)
        return same and after.limit_price == 400.0

    desk.stage.await_true(changed, "IB has the new price and the old terms")
    done = desk.router("modify", str(before.perm_id), "--limit", "401")
    assert done.out.startswith(f"modification of {before.ref} sent"), done.err
    several = desk.router("modify", signal_id, "--limit", "402")
    assert (several.code, before.ref in several.err) == (2, True)
    assert desk.router("modify", before.ref).code == 2
    nonsense = desk.router("modify", before.ref, "--limit", "nan")
    assert (nonsense.code, "limit_price = nan" in nonsense.err) == (1, True)
    refused = desk.router("modify", before.ref, "--quantity", "0")
    assert refused.code == 1
    assert "has filled" in refused.err
    assert "no live order" in desk.router("modify", "nobody", "--limit", "1").err


@pytest.mark.timeout(120)
def test_halt_holds_signals_back_and_nothing_else(desk: Desk) -> None:
    """While halted a signal waits in Redis, and `status` says so; afterwards it is taken."""
    assert desk.router("halt", "on").code == 0
    assert "halted by risk:halt:status: no signal is taken" in desk.router("status").out
    signal_id = desk.stage.send()
    assert desk.stage.redis.call("LLEN", "signals:execution:SPY") == 1
    assert desk.router("halt", "off").out == "running\n"
    assert "halted" not in desk.router("status").out
    desk.stage.await_true(lambda: desk.stage.ack(signal_id), "the ack", 20)


@pytest.mark.timeout(120)
def test_flat_by_command(desk: Desk) -> None:
    """Everything held is closed, nothing works any more, and the platform is told of the exit."""
    signal_id = desk.bracket()
    done = desk.router("flatten")
    assert done.code == 0, done.out + done.err
    assert done.out.endswith("is flat, no order works\n")
    desk.stage.await_true(lambda: "EXIT" in desk.router("explain", signal_id).out, "EXIT is told", 10)
    other = desk.router("flatten", "--account", "U1")
    assert other.code == 1
    assert "U1 is not managed here" in other.err


@pytest.mark.timeout(120)
def test_reset_paper_asks_twice_and_touches_no_other_account(desk: Desk) -> None:
    """Not without --yes, not in live mode; then it is flat."""
    assert desk.router("reset-paper").code == 2
    done = desk.router("reset-paper", "--yes")
    assert done.code == 0, done.out + done.err


def lost_bracket(desk: Desk) -> OrderIntent:
    """The gateway's journal says that a bracket was sent; IB has never heard of it."""
    desk.bracket()
    stage = desk.stage
    stage.kill("gateway")
    journal = stage.settings.journal("gateway")
    known = [
        e.message for e in JournalReader(journal).read(topic="trade") if isinstance(e.message, OrderIntent)
    ][-1]
    signal = replace(known.request.signal, id=f"lost{time.time_ns()}")
    delivery = f"{signal.id}-abc"
    legs = tuple(
        replace(leg, ref=leg.ref.replace(known.delivery, delivery), order_id=leg.order_id + 1_000)
        for leg in known.legs
    )
    request = replace(known.request, delivery=delivery, signal=signal)
    intent = replace(known, delivery=delivery, request=request, legs=legs)
    endpoint = f"ipc://{stage.root}/{time.time_ns()}.pub"
    publisher = Publisher(stage.context, "gateway", endpoint, Journal(journal, "gateway"))
    publisher.publish(intent, OrderSent(delivery=delivery, order_ids=tuple(leg.order_id for leg in legs)))
    publisher.close()
    stage.start("gateway")
    stage.await_ready()
    return intent


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("how", "said"), [("adopt", "counts as sent"), ("drop", "never be sent"), ("resend", "sent")]
)
def test_parked_orders_are_decided_on(desk: Desk, how: str, said: str) -> None:
    """Sent, and never heard of by IB in two rounds: parked, and told so. Listed, shown, decided on, once."""
    delivery = lost_bracket(desk).delivery
    desk.stage.await_true(lambda: delivery in desk.router("parked", "list").out, "it is parked", 15)
    assert json.loads(desk.router("parked", "show", delivery).out)["delivery"] == delivery
    desk.stage.await_true(lambda: desk.stage.ack(delivery.removesuffix("-abc")), "its ack", 15)
    ack = desk.stage.ack(delivery.removesuffix("-abc"))
    assert ack is not None
    assert ack["status"] == "PARKED"
    done = desk.router("parked", how, delivery)
    assert done.code == 0, done.err
    assert said in done.out
    assert desk.router("parked", "list").out == "nothing is parked\n"
    ledger = (desk.stage.settings.paths.var / "paper.ledger").read_text()
    assert (f'"{delivery}-E"' in ledger) == (how == "resend")
    assert "is not parked" in desk.router("parked", how, delivery).err
    assert desk.router("parked", "show", delivery).code == 1
