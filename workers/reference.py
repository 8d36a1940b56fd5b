"""Renders `docs/refusals.md` from the reasons and `docs/entries.md` from IB's algorithms: one place for each fact.

`python -m workers.reference` writes both files; tests/workers checks that they are up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from router.algos import LARGEST_COUNT, LARGEST_SHARE, LEAST_SHARE, TABLE, Algo, Parameter
from router.reasons import AFTER_SIZING, BEFORE_SIZING, Reason

REFUSALS = f"""\
# Refusals

Rendered from `router/reasons.py` by `python -m workers.reference`; a test keeps it up to date.

Whatever is refused has one of these reasons. It is journalled and published (`router tail`, `router explain SIGNAL`,
the stream `decisions:stream`) as `code`, with the `field` it is about and its `value`; nothing is half sent.

## Signals

A refused signal is acked with the status and the reason that the platform knows; a part in braces is filled in.
`{BEFORE_SIZING}` becomes `{AFTER_SIZING}` where the second look, after sizing, refuses.

| code | ack status | ack reason | meaning |
|---|---|---|---|
"""

COMMANDS = """
## Commands

What a process answers to a command that it does not carry out (`CommandRefused`), besides those above.

| code | meaning |
|---|---|
"""

ENTRIES = """\
# Entries

Rendered from `router/algos.py` by `python -m workers.reference`; a test keeps it up to date.

## Price

`[entry] style` says how an entry is priced; every price is put on the contract's own increments (its market rule).

| style | order | price |
|---|---|---|
| `platform` | as below | above confidence 85 `market` unless the strategy is 0DTE, from 70 on `mid`, below it `spread` |
| `market` | MKT | none; stop, targets and size are measured from the middle |
| `mid` | LMT | the middle of bid and ask, to the nearest increment |
| `spread` | LMT | `spread_fraction` of the spread from the entry's own side, to the nearest increment |
| `fixed` | LMT | the signal's `entry`, never rounded to a worse price; without it the signal is refused |
| `marketable` | LMT | the other side of the market and `collar` beyond it, never rounded past the collar |

Without both sides of the market the last trade stands for them, then the signal's `entry`. A quote older than
`[quotes] max_age_s` prices nothing; a line that has been silent for so long is begun anew, so that IB says what holds.
At less than two increments there is no room for a stop, and the signal is refused.

## Time in force

`[entry] tif`: DAY, GTC and IOC go with every style, GTD and FOK only with those that always have a limit. GTD ends at
IB `good_till_s` after the signal's own time, even with the router down. The router cancels an entry after
`limit_timeout_s`, `market_timeout_s` or, with an algorithm, `algo_timeout_s`; once it filled in part, after twice
that. It then alerts `execution_timeout`.

## Algorithms

`[entry] algo` names one of IB's algorithms, `algo_params` its parameters as `name=value`. IB takes them with market and
limit orders in regular hours, so these entries go out with outsideRth off, with the time in force of the table. An
unknown algorithm or parameter, one that is missing, or a value out of bounds stops sizing at the start (exit code 78);
a contract of another type is refused signal by signal (`ALGO_NOT_TAKEN`).

Names and values are those of IB's page "IB Algorithms" (TWS API 10.20). Some users report that IB's paper accounts
refuse Twap's `strategyType` (error 443).

| algorithm | contracts | tif | parameters |
|---|---|---|---|
"""


def render_refusals() -> str:
    """`docs/refusals.md`."""
    signals = [
        f"| `{one}` | {one.status} | `{one.words}` | {one.meaning} |\n" for one in Reason if one.ends_signal
    ]
    commands = [f"| `{one}` | {one.meaning} |\n" for one in Reason if not one.ends_signal]
    return "".join([REFUSALS, *signals, COMMANDS, *commands])


def render_entries() -> str:
    """`docs/entries.md`."""
    return ENTRIES + "".join(map(_row, TABLE))


def _row(algo: Algo) -> str:
    parameters = "; ".join(map(_parameter, algo.parameters))
    contracts, tifs = ", ".join(sorted(algo.sec_types)), ", ".join(sorted(algo.tifs))
    return f"| `{algo.name}` | {contracts} | {tifs} | {parameters} |\n"


def _parameter(parameter: Parameter) -> str:
    match parameter.kind:
        case "share":
            values = f"{LEAST_SHARE} to {LARGEST_SHARE} of the volume"
        case "count":
            values = f"1 to {LARGEST_COUNT}"
        case "flag":
            values = "1 or 0"
        case "choice":
            values = ", ".join(parameter.choices)
        case "time":
            values = "hh:mm:ss TMZ"
    need = (
        ", needed" if parameter.needed else f", {parameter.default} by default" if parameter.default else ""
    )
    return f"`{parameter.name}` ({values}{need})"


def main() -> int:
    """Write both files under the current directory."""
    for name, text in (("docs/refusals.md", render_refusals()), ("docs/entries.md", render_entries())):
        Path(name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
