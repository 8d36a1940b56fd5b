"""Which account a login may trade. Pure."""

from __future__ import annotations

from collections.abc import Sequence


class Refused(OSError):
    """This login may not be used: the reason says what to change."""


def choose_account(managed: Sequence[str], named: str, mode: str) -> str:
    """The account to trade. Raises Refused when it is not there, ambiguous, or not one of this mode's."""
    if named and named not in managed:
        raise Refused(f"broker.account {named} is not managed by this login ({', '.join(managed)})")
    if not named and len(managed) != 1:
        raise Refused(f"this login manages {', '.join(managed)}: name one in broker.account")
    account = named or managed[0]
    if (mode == "paper") != account.startswith("D"):
        raise Refused(f"mode is {mode!r} but the account is {account}: paper accounts start with D")
    return account
