"""Why something was refused: one list for signals and commands, from which docs/refusals.md is rendered.

A reason says what is wrong; the refusal beside it names field and value. What ends a signal carries the words that
the platform reads: the status of its ack, and the ack's reason (platform contract 3 and 4.1). A command has no ack:
its reason comes back in CommandRefused.
"""

from __future__ import annotations

from enum import StrEnum

BEFORE_SIZING, AFTER_SIZING = "risk_checks_failed", "risk_checks_failed_post_sizing"
FIELD = "{field} = {value}: {problem}"
TEXT = "{text}"


class Reason(StrEnum):
    """`status` and `words` are the platform's, `words` with the parts of the refusal in braces; empty for none."""

    status: str
    words: str
    meaning: str

    def __new__(cls, code: str, status: str, words: str, meaning: str) -> Reason:
        """A member with the code as its value."""
        member = str.__new__(cls, code)
        member._value_, member.status, member.words, member.meaning = code, status, words, meaning
        return member

    # ------------------------------------------------------------ a signal that nothing can be done with

    BAD_FIELD = "BAD_FIELD", "REJECTED", FIELD, "A field is missing, of the wrong type or out of bounds."
    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL", "REJECTED", FIELD, "The symbol is not in ingress.symbols."
    CONTRACT_CONFLICT = (
        "CONTRACT_CONFLICT",
        "REJECTED",
        FIELD,
        "The OCC symbol, an explicit field of the contract or the signal's symbol say different things.",
    )
    CONTRACT_EXPIRED = "CONTRACT_EXPIRED", "REJECTED", FIELD, "The option has stopped trading for good."
    CLOCK_AHEAD = "CLOCK_AHEAD", "REJECTED", FIELD, "The signal comes from the future: compare the clocks."

    # ------------------------------------------------------------ a signal that is not acted on

    STALE = (
        "STALE",
        "STALE",
        "stale_signal_{age}ms",
        "Older than ingress.max_age_ms: the price it saw is gone.",
    )
    SHORT_PREMIUM_NOT_ALLOWED = (
        "SHORT_PREMIUM_NOT_ALLOWED",
        "DENIED",
        "SHORT_PREMIUM_NOT_ALLOWED",
        "The option's right is against the view: it would sell premium.",
    )
    HALTED = "HALTED", "RISK_REJECTED", BEFORE_SIZING, "risk:halt:status or risk:permanent_halt is true."
    NEW_POSITIONS_NOT_ALLOWED = (
        "NEW_POSITIONS_NOT_ALLOWED",
        "RISK_REJECTED",
        BEFORE_SIZING,
        "risk:new_positions_allowed is false.",
    )
    MULTIPLIER_UNUSABLE = (
        "MULTIPLIER_UNUSABLE",
        "RISK_REJECTED",
        BEFORE_SIZING,
        "A multiplier of the platform is no number in (0, 2].",
    )
    NOTIONAL_TOO_LARGE = (
        "NOTIONAL_TOO_LARGE",
        "RISK_REJECTED",
        AFTER_SIZING,
        "The notional is above risk.max_buying_power_fraction of the buying power.",
    )
    DAILY_LOSS = (
        "DAILY_LOSS",
        "RISK_REJECTED",
        BEFORE_SIZING,
        "risk:daily_pnl is below -risk.max_daily_loss, or no number.",
    )
    MAX_POSITIONS = "MAX_POSITIONS", "RISK_REJECTED", BEFORE_SIZING, "risk.max_positions contracts are held."
    CONTRACT_LOOKUP_FAILED = (
        "CONTRACT_LOOKUP_FAILED",
        "REJECTED",
        "contract_lookup_failed",
        "IB lists no contract that fits, or several; the value names the nearest.",
    )
    NO_MARKET_DATA = (
        "NO_MARKET_DATA",
        "NO_MARKET_DATA",
        "price_unavailable",
        "No quote, or none younger than quotes.max_age_s; no hint for a fixed price; or no room for a stop.",
    )
    NO_MARKET_DATA_LINE = (
        "NO_MARKET_DATA_LINE",
        "NO_MARKET_DATA",
        "price_unavailable",
        "All quotes.max_lines market data lines are in use.",
    )
    ALGO_NOT_TAKEN = "ALGO_NOT_TAKEN", "REJECTED", FIELD, "IB does not take entry.algo with this order."
    DRY_RUN = "DRY_RUN", "DRY_RUN", "dry_run", "A dry run: decided and sized, never sent."

    # ------------------------------------------------------------ an order that the gateway does not send

    TOO_MANY_LEGS = (
        "TOO_MANY_LEGS",
        "REJECTED",
        TEXT,
        "The orders could never leave together: see broker.requests_per_second.",
    )
    CANCELLED = (
        "CANCELLED",
        "REJECTED",
        TEXT,
        "Taken back before it was sent: everything was cancelled, or its account made flat.",
    )

    NOT_SENT = (
        "NOT_SENT",
        "REJECTED",
        TEXT,
        "Submission or the gateway could not take the order, the text says why.",
    )

    # ------------------------------------------------------------ a command

    LINK_NOT_READY = "LINK_NOT_READY", "", "", "The IB connection is not READY; the same may succeed later."
    WAITING = "WAITING", "", "", "The order is on its way to IB and waits for its turn; ask again."
    FLATTENING = (
        "FLATTENING",
        "",
        "",
        "The account is being made flat; the same stop or change may succeed later.",
    )
    NOT_MISSING = (
        "NOT_MISSING",
        "",
        "",
        "What the guard wanted to place is there by now, or what it was for is gone.",
    )
    JOURNAL_FULL = "JOURNAL_FULL", "", "", "The journal cannot keep the intent; the same may succeed later."
    NOT_KEPT = "NOT_KEPT", "", "", "The intent could not be journalled; the same may succeed later."
    FAILED = (
        "FAILED",
        "",
        "",
        "The process could not carry it out, the text says why; the same may succeed later.",
    )
    LOOKUP_FAILED = "LOOKUP_FAILED", "", "", "IB did not answer the look-up; the same may succeed later."
    NO_SUCH_ORDER = "NO_SUCH_ORDER", "", "", "No live order of this client has that orderRef."
    NO_SUCH_ACCOUNT = "NO_SUCH_ACCOUNT", "", "", "The account is not managed by this login."
    NO_TERMS = "NO_TERMS", "", "", "The terms of the order are not known, here or at IB."
    NOT_PARKED = "NOT_PARKED", "", "", "The delivery is not parked: see `router parked list`."
    BAD_CHANGE = "BAD_CHANGE", "", "", "The modification makes no sense for this order."
    UNKNOWN_COMMAND = "UNKNOWN_COMMAND", "", "", "The process does not have that command."
    UNDECODABLE = "UNDECODABLE", "", "", "The command is not one of this version."
    NO_PUBLISHER = "NO_PUBLISHER", "", "", "The endpoint belongs to no publisher."

    @property
    def ends_signal(self) -> bool:
        """Whether the platform is told of it in an ack."""
        return bool(self.status)


def ending(code: str, otherwise: Reason) -> Reason:
    """The reason with this code where it may end a signal; `otherwise` for any other, or one of another version."""
    reason = Reason.__members__.get(code)
    return reason if reason is not None and reason.ends_signal else otherwise
