"""What an error message of IB says about the order it names.

IB sends errors, warnings and notices through one message. Only explicit terminal evidence ends an order: a
code that is not known to be harmless or terminal makes the gateway ask IB for the order's true state.
"""

from __future__ import annotations

from collections.abc import Mapping

from conf.ib_errors import ErrorCode, Policy

UNKNOWN: Policy = "query"


class ErrorPolicies:
    """The policy of every code, listed or not."""

    def __init__(self, codes: Mapping[int, ErrorCode]) -> None:
        self._policies: dict[int, Policy] = {code: entry.policy for code, entry in codes.items()}

    def of(self, code: int) -> Policy:
        """The listed policy, or `query`: an unknown code never means cancelled."""
        return self._policies.get(code, UNKNOWN)

    def lists(self, code: int) -> bool:
        """Whether anybody has decided what it means."""
        return code in self._policies
