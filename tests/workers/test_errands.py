"""What the guard sends: a contract is looked up once however many wait for it, and a refusal is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
import structlog

from conf.settings import Settings
from ipc.bus import Requester
from router.messages import CancelOrders, CancelReply, CommandRefused, ContractReady, Message, PrepareContract
from tests.router.factory import OPTION
from tests.workers.played_bus import Peer, Stage
from workers.errands import Errands

READY = ContractReady(contract=OPTION, min_tick=0.05)


@pytest.fixture
def stage(make_settings: Callable[..., Settings]) -> Iterator[Stage]:
    """A bus to run errands on."""
    stage = Stage(make_settings())
    yield stage
    stage.close()


def errands(stage: Stage) -> Errands:
    """With a requester of their own."""
    requester = Requester(stage.context, stage.settings.cmd("gateway"))
    stage.loop.attach(requester)
    return Errands(requester, structlog.get_logger())


def answered(gateway: Peer, number: int) -> bool:
    """Whether more than so many commands have come."""
    return len(gateway.commands) > number


def test_one_question_for_all_who_wait(stage: Stage) -> None:
    """And none once the contract is known."""
    gateway = stage.peer("gateway", lambda *_: READY, [])
    some, told = errands(stage), list[ContractReady]()
    assert some.known(OPTION) is None
    for _ in range(3):
        some.look_up(OPTION, told.append)
    stage.until(lambda: len(told) == 3, "all three")
    some.look_up(OPTION, told.append)
    assert told == [READY] * 4
    assert [command for _, command in gateway.commands] == [PrepareContract(contract=OPTION)]
    assert some.known(OPTION) == READY


@pytest.mark.parametrize(
    ("retry", "told"), [(False, ["its contract was not found: is not listed"]), (True, [])]
)
def test_a_contract_that_cannot_be_had(stage: Stage, retry: bool, told: list[str]) -> None:
    """Told to who waits; not where the same question may be answered later, which is then asked again."""
    gateway = stage.peer("gateway", lambda *_: CommandRefused("NOT_LISTED", "is not listed", retry=retry), [])
    some, heard = errands(stage), list[str]()
    some.look_up(OPTION, lambda _: None, heard.append)
    stage.until(lambda: gateway.commands and not some._waiting, "the refusal")
    assert heard == told
    some.look_up(OPTION, lambda _: None)
    stage.until(lambda: len(gateway.commands) == 2, "another question")


def test_a_refused_order(stage: Stage) -> None:
    """For good: told with code and text; for now: left to the next look; carried out: nothing is said."""
    answers: list[Message] = [
        CancelReply(("a-b-S1",)),
        CommandRefused("LINK_NOT_READY", "syncing", retry=True),
        CommandRefused("NO_TERMS", "unknown"),
    ]
    gateway = stage.peer("gateway", lambda *_: answers.pop(0), [])
    some, heard = errands(stage), list[str]()
    for number in range(3):
        some.send(CancelOrders(refs=("a-b-S1",)), heard.append)
        stage.until(partial(answered, gateway, number), "an answer")
    stage.until(lambda: heard, "the last one")
    assert heard == ["the gateway refused its stop: NO_TERMS unknown"]
