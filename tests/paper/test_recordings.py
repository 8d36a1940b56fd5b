"""Six conversations recorded on a live paper Gateway, told again to this one: messages, order and fields."""

from pathlib import Path

import pytest

from tests.paper.conftest import Starter
from tests.paper.raw import RawClient
from tests.paper.story import Telling, read_story

STORIES = sorted((Path(__file__).parent.parent / "scenarios").glob("*.story"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_says_what_a_live_gateway_said(start: Starter, path: Path) -> None:
    """Every message of the recording comes, with its fields, in its place, and nothing else does."""
    gateway = start("--market", "still", "--account", "DU9000001")
    story = read_story(path)
    with RawClient(gateway.port) as client:
        telling = Telling(gateway, client, 94 if path.stem == "market_order_fills" else 1)
        telling.tell(story)
    assert telling.said == sum(line.sign == "<" for line in story.lines) > 0


def test_all_six_are_here() -> None:
    """None of the six recordings is left out."""
    names = (
        "bootstrap invalid_order_type market_order_fills positions staged_then_transmitted stop_loss_managed"
    )
    assert [path.stem for path in STORIES] == names.split()
