"""Policy of every code of IB, the ones that libraries get wrong first."""

from __future__ import annotations

import pytest

from conf.ib_errors import Policy, load_ib_errors
from router.ib_errors import ErrorPolicies
from tests.helpers import PROJECT

CODES = load_ib_errors(PROJECT)
POLICIES = ErrorPolicies(CODES)

# codes on which ib_insync, ib_async or programs round them have marked live orders cancelled
PHANTOM_CANCELS: dict[int, Policy] = {
    103: "query",
    104: "modify-only",
    105: "modify-only",
    110: "query",
    135: "query",
    161: "query",
    321: "query",
    399: "informational",
    404: "informational",
    2109: "informational",
    2161: "informational",
    10147: "query",
    10148: "query",
    10326: "modify-only",
    10327: "modify-only",
    10349: "informational",
}


@pytest.mark.parametrize(("code", "policy"), PHANTOM_CANCELS.items())
def test_codes_that_libraries_take_for_a_cancel_do_not_end_an_order(code: int, policy: Policy) -> None:
    """Each of them has been seen on an order that lived on."""
    assert POLICIES.of(code) == policy


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_listed_code_has_the_policy_of_the_table(code: int) -> None:
    """The lookup adds nothing to the data."""
    assert POLICIES.of(code) == CODES[code].policy
    assert POLICIES.lists(code)


@pytest.mark.parametrize("code", [201, 202])
def test_rejected_and_cancelled_are_terminal(code: int) -> None:
    """IB's own word that the order is over."""
    assert POLICIES.of(code) == "terminal"


@pytest.mark.parametrize("code", [1100, 1101, 1102, 1300, 2103, 2104, 2110, 326])
def test_connection_codes_are_about_the_link(code: int) -> None:
    """They never say anything of an order."""
    assert POLICIES.of(code) == "link"


@pytest.mark.parametrize("code", [0, -1, 99_999])
def test_an_unknown_code_asks_instead_of_assuming(code: int) -> None:
    """A code nobody has listed is a reason to look, not to conclude."""
    assert code not in CODES
    assert POLICIES.of(code) == "query"
    assert not POLICIES.lists(code)
