"""Conversations recorded on live paper Gateways, told again to this one: messages, order and fields."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paper.announce import announce
from tests.paper.conftest import Starter
from tests.paper.raw import RawClient
from tests.paper.story import Telling, read_story

TOLD: list[int] = []  # messages of each story that was told
STORIES = sorted((Path(__file__).parent.parent / "scenarios").glob("*.story"))


@pytest.fixture(scope="module", autouse=True)
def _report(request: pytest.FixtureRequest) -> Iterator[None]:
    """Say how many there were."""
    yield
    announce(request.config, f"recordings of live Gateways: {len(TOLD)} told again, {sum(TOLD)} messages")


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_says_what_a_live_gateway_said(start: Starter, path: Path) -> None:
    """Every message of the recording comes, with its fields, in its place, and nothing else does."""
    gateway = start("--market", "still", "--account", "DU9000001")
    story = read_story(path)
    with RawClient(gateway.port) as client:
        telling = Telling(gateway, client, 94 if path.stem == "market_order_fills" else 1)
        telling.tell(story)
    TOLD.append(telling.said)
    assert telling.said == sum(line.sign == "<" for line in story.lines) > 0


def test_every_recording_is_told() -> None:
    """The six recordings the project started from, and four that tell what others showed; none is left out."""
    six = (
        "bootstrap invalid_order_type market_order_fills positions staged_then_transmitted stop_loss_managed"
    )
    later = "bracket ended_orders_are_not_cancellable oca_group stop_buy"
    assert [path.stem for path in STORIES] == sorted([*six.split(), *later.split()])
