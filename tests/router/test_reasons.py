"""The enum of reasons: the platform's own words, and no refusal anywhere in the source without one of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from router.reasons import Reason, ending
from tests.helpers import PROJECT

SOURCES = ("router", "workers", "ipc")
CARRIERS = {"CommandRefused": 0, "Denial": 0, "FieldError": 3}  # where each takes its reason


def test_the_platforms_words() -> None:
    """Status and reason of every ack are those of the platform contract, sections 0.1, 0.4, 3 and 4.1."""
    told = {(one.status, one.words) for one in Reason if one.ends_signal}
    assert told >= {
        ("STALE", "stale_signal_{age}ms"),
        ("RISK_REJECTED", "risk_checks_failed"),
        ("RISK_REJECTED", "risk_checks_failed_post_sizing"),
        ("REJECTED", "contract_lookup_failed"),
        ("NO_MARKET_DATA", "price_unavailable"),
        ("DENIED", "SHORT_PREMIUM_NOT_ALLOWED"),
        ("DRY_RUN", "dry_run"),
    }


@pytest.mark.parametrize("reason", Reason)
def test_each_says_what_it_means(reason: Reason) -> None:
    """A code in capitals that is its name, a sentence, and both words of the ack or neither."""
    assert reason.name == reason.value == str(reason)
    assert reason.value.isupper()
    assert reason.meaning.endswith(".")
    assert bool(reason.status) is bool(reason.words) is reason.ends_signal


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("NO_MARKET_DATA_LINE", Reason.NO_MARKET_DATA_LINE),
        ("LINK_NOT_READY", Reason.NOT_SENT),
        ("SOMETHING_NEW", Reason.NOT_SENT),
    ],
)
def test_what_may_end_a_signal(code: str, expected: Reason) -> None:
    """A reason of commands only, or of another version, has no words for the platform."""
    assert ending(code, Reason.NOT_SENT) is expected


def refusals() -> Iterator[tuple[str, ast.expr]]:
    """Every place in the source that makes a refusal, and the expression of its reason."""
    for source in SOURCES:
        for path in sorted((PROJECT / source).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id in CARRIERS
                ):
                    named = [word.value for word in node.keywords if word.arg in ("code", "reason")]
                    at = node.args[CARRIERS[node.func.id] :][:1]
                    where = f"{path.relative_to(PROJECT)}:{node.lineno}"
                    yield from ((where, found) for found in (named if node.func.id != "Denial" else []) or at)


def test_no_refusal_without_a_reason_of_the_enum() -> None:
    """A code written out as text is one of them too, so that docs/refusals.md names all there are."""
    texts = {where: node.value for where, node in refusals() if isinstance(node, ast.Constant)}
    assert {where: text for where, text in texts.items() if text not in Reason.__members__} == {}
    attributes = {where: node.attr for where, node in refusals() if isinstance(node, ast.Attribute)}
    assert {where: name for where, name in attributes.items() if name.startswith("__")} == {}
    named = {name for name in attributes.values() if name.isupper()}
    assert named <= set(Reason.__members__)
    assert {"STALE", "NO_MARKET_DATA_LINE", "TOO_MANY_LEGS"} <= named
