"""The sections of `router.toml`: every key once, with its type, bounds, default, unit and meaning.

`docs/configuration.md` and `conf/router.toml` are checked against these structs by tests/conf.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Fraction = Annotated[float, Meta(gt=0, le=1)]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Symbol = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9. ]{0,11}$")]
_DAY, _CLOCK = "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)", "([01][0-9]|2[0-3]):[0-5][0-9]"
Window = Annotated[str, Meta(pattern=f"^{_DAY}(-{_DAY})? {_CLOCK}-{_CLOCK}$")]


def says(text: str) -> Meta:
    """What a key means, for people: ends up in the configuration reference."""
    return Meta(description=text)


class Broker(Struct, frozen=True, forbid_unknown_fields=True):
    """The TWS socket of IB Gateway, or of the paper gateway."""

    host: Annotated[str, says("Host of the TWS socket.")] = "127.0.0.1"
    port: Annotated[Port, says("Port of the TWS socket; 0 reads it from port_file.")] = 0
    port_file: Annotated[str, says("File with the port, used when port is 0. {run} is paths.run.")] = (
        "{run}/paper.port"
    )
    client_id: Annotated[int, Meta(ge=0, le=2**31 - 1), says("IB API client id of the gateway.")] = 1
    account: Annotated[str, says("IB account; empty takes the only managed account. Live must name it.")] = ""
    connect_timeout_s: Annotated[Seconds, says("Seconds for one connect, handshake included.")] = 5.0
    request_timeout_s: Annotated[Seconds, says("Seconds for one request of the rebuild after a connect.")] = (
        10.0
    )
    heartbeat_timeout_s: Annotated[Seconds, says("Seconds of silence, probe included, that end a link.")] = (
        5.0
    )
    settle_s: Annotated[Seconds, says("Seconds between the two rounds that decide on an order in doubt.")] = (
        1.0
    )
    backoff_first_s: Annotated[Seconds, says("Seconds before the first reconnect; doubles, with jitter.")] = (
        0.1
    )
    backoff_max_s: Annotated[Seconds, says("Longest wait in seconds between two reconnects.")] = 30.0
    requests_per_second: Annotated[
        int, Meta(ge=2, le=1000), says("Messages a second sent to IB, whose limit is 50.")
    ] = 45
    reserved_per_second: Annotated[
        int, Meta(ge=0, le=999), says("How many of them entries and requests leave to cancels and stops.")
    ] = 10
    reset_windows: Annotated[
        tuple[Window, ...],
        says("When IB resets its servers, daily and at the weekend: a lost link is expected then."),
    ] = ("Sun-Fri 00:15-01:45", "Fri 23:00-03:00")
    reset_zone: Annotated[
        str, says("Time zone of reset_windows; the defaults are IB's for North America.")
    ] = "America/New_York"


class Redis(Struct, frozen=True, forbid_unknown_fields=True):
    """The platform's Redis. With neither url nor url_file the router runs its own on {run}/redis.sock."""

    url: Annotated[
        str, says("redis://, rediss:// or unix:// URL. One with a password belongs in url_file.")
    ] = ""
    url_file: Annotated[str, says("File (mode 0600) with the URL.")] = ""
    socket_timeout_s: Annotated[Seconds, says("Seconds for one Redis command.")] = 5.0
    stream_maxlen: Annotated[Count, says("Entries each outgoing stream keeps, about; older ones go.")] = (
        100_000
    )

    def __repr__(self) -> str:
        url = "***" if self.url else ""
        rest = f"socket_timeout_s={self.socket_timeout_s}, stream_maxlen={self.stream_maxlen}"
        return f"Redis(url={url!r}, url_file={self.url_file!r}, {rest})"


class PathsSection(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the router keeps its files. Relative paths start at the project root."""

    var: Annotated[str, Meta(min_length=1), says("Everything the router writes.")] = "var"
    run: Annotated[str, says("Sockets, locks, pid and port files; empty is {var}/run.")] = ""
    journal: Annotated[str, says("Journals of the bus; empty is {var}/journal.")] = ""
    log: Annotated[str, says("Logs; empty is {var}/log.")] = ""


class Bus(Struct, frozen=True, forbid_unknown_fields=True):
    """ZeroMQ between the processes, and the journal behind it."""

    send_hwm: Annotated[Count, says("Frames queued for one subscriber before they are dropped.")] = 100_000
    receive_hwm: Annotated[Count, says("Frames queued inside a subscriber.")] = 100_000
    tail_hwm: Annotated[Count, says("Frames queued for `router tail`, which reports what it drops.")] = 1_000
    max_message_mb: Annotated[Count, says("Largest frame accepted, in MiB.")] = 16
    journal_segment_mb: Annotated[Count, says("Size in MiB at which a journal segment is closed.")] = 64
    journal_keep_days: Annotated[Count, says("Days that closed journal segments are kept.")] = 14
    journal_keep_mb: Annotated[
        Count, says("Size in MiB of a journal beyond which old segments go earlier.")
    ] = 4096
    replay_chunk: Annotated[Count, says("Messages in one answer to a replay or snapshot request.")] = 500
    resend_s: Annotated[Seconds, says("Seconds without a reply after which a command is sent again.")] = 1.0
    reply_cache: Annotated[Count, says("Replies a receiver of commands remembers, by request id.")] = 10_000


class Ingress(Struct, frozen=True, forbid_unknown_fields=True):
    """Signals from Redis (platform contract 1.1)."""

    stream: Annotated[str, Meta(min_length=1), says("Stream of signals.")] = "signals:stream"
    group: Annotated[str, Meta(min_length=1), says("Consumer group on that stream.")] = "router"
    symbols: Annotated[
        tuple[Symbol, ...],
        Meta(min_length=1),
        says("Symbols whose lists signals:execution:{symbol} are read; any other symbol is refused."),
    ] = ("SPY", "QQQ", "IWM", "VXX", "AAPL", "MSFT", "NVDA", "AMZN", "TSLA", "META", "GOOGL", "AMD", "NFLX")  # fmt: skip
    poll_s: Annotated[Seconds, says("Seconds between two looks at Redis when no wake-up came.")] = 0.05
    max_age_ms: Annotated[Count, says("Age in ms beyond which a signal is STALE.")] = 5_000
    max_per_symbol: Annotated[Count, says("Open positions of a symbol at which its signals wait.")] = 5


class Risk(Struct, frozen=True, forbid_unknown_fields=True):
    """Gates before and after sizing (platform contract 4.1)."""

    max_buying_power_fraction: Annotated[
        Fraction, says("Largest notional as a fraction of buying power.")
    ] = 0.25
    max_daily_loss: Annotated[float, Meta(gt=0, le=1e12), says("USD lost today that stop new entries.")] = (
        20_000.0
    )
    max_positions: Annotated[Count, says("Open positions at which new entries stop.")] = 10


class Sizing(Struct, frozen=True, forbid_unknown_fields=True):
    """How much an entry buys (platform contract 5, without Kelly's fraction)."""

    base_fraction: Annotated[
        Fraction, says("Fraction of the account in an entry of confidence 100; at 0 a quarter of it.")
    ] = 0.02
    max_fraction: Annotated[Fraction, says("Largest fraction of the account in one entry.")] = 0.15
    max_0dte_contracts: Annotated[Count, says("Most contracts in a 0DTE entry.")] = 50
    max_other_contracts: Annotated[Count, says("Most contracts in any other option entry.")] = 100


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """Entry orders: price, time in force, algorithm, time-outs (platform contract 6; docs/entries.md)."""

    quote_wait_s: Annotated[Seconds, says("Seconds to wait for a quote; then NO_MARKET_DATA.")] = 2.0
    style: Annotated[
        Literal["platform", "market", "mid", "spread", "fixed", "marketable"],
        says("How an entry is priced; platform takes market, mid or spread by the signal's confidence."),
    ] = "platform"
    spread_fraction: Annotated[
        Fraction, says("How far into the spread, from the entry's own side, the style spread goes.")
    ] = 0.33
    collar: Annotated[
        float,
        Meta(ge=0, le=1_000),
        says("How far through the other side of the market the limit of the style marketable may go."),
    ] = 1.0
    collar_unit: Annotated[Literal["percent", "ticks"], says("Unit of collar.")] = "percent"
    tif: Annotated[
        Literal["DAY", "GTC", "GTD", "IOC", "FOK"],
        says("Time in force of entries; GTD and FOK only with a style that always has a limit."),
    ] = "DAY"
    good_till_s: Annotated[
        Seconds, says("Seconds after the signal at which IB itself ends an entry with tif GTD.")
    ] = 120.0
    outside_rth: Annotated[
        bool, says("Entries may fill outside regular trading hours; those with an algo never do.")
    ] = True
    algo: Annotated[str, says("IB algorithm that works entries, such as Adaptive; empty for none.")] = ""
    algo_params: Annotated[
        tuple[str, ...], says("Its parameters as name=value, such as adaptivePriority=Patient.")
    ] = ()
    algo_strategies: Annotated[
        tuple[str, ...], says("Strategies whose entries it works, in any case; empty for all.")
    ] = ()
    limit_timeout_s: Annotated[
        Seconds, says("Seconds a limit entry may rest; doubled once it filled in part.")
    ] = 60.0
    market_timeout_s: Annotated[
        Seconds, says("Seconds a market entry may rest; doubled once it filled in part.")
    ] = 30.0
    algo_timeout_s: Annotated[
        Seconds, says("Seconds an entry worked by an algorithm may rest; doubled once it filled in part.")
    ] = 300.0
    cancel_on_link_loss_s: Annotated[
        float,
        Meta(ge=0, le=86_400),
        says("Seconds without IB after which resting entries are cancelled once it is back; 0 never."),
    ] = 0.0


class Quotes(Struct, frozen=True, forbid_unknown_fields=True):
    """Contracts and their market data lines."""

    max_age_s: Annotated[Seconds, says("Age in seconds beyond which a quote prices nothing.")] = 10.0
    max_lines: Annotated[
        int, Meta(ge=1, le=10_000), says("Market data lines used at once; IB gives an account 100 at first.")
    ] = 100
    idle_s: Annotated[
        Seconds, says("Seconds after its last use at which a line is released; held contracts keep theirs.")
    ] = 600.0
    prewarm: Annotated[
        Literal["off", "qualify", "stream"],
        says("Whether ingress.symbols and the contracts below are looked up when IB is ready, and streamed."),
    ] = "qualify"
    contracts: Annotated[
        tuple[str, ...], says("Further contracts to prewarm: stock symbols or OCC symbols of options.")
    ] = ()


class Protection(Struct, frozen=True, forbid_unknown_fields=True):
    """Stops and targets (platform contract 0.8, 0.14 and 6)."""

    option_risk_pct: Annotated[Fraction, says("Initial stop distance of options, fraction of the entry.")] = (
        0.45
    )
    stock_risk_pct: Annotated[Fraction, says("Initial stop distance of stocks, fraction of the entry.")] = (
        0.04
    )
    default_risk_pct: Annotated[Fraction, says("Initial stop distance of anything else.")] = 0.20
    target_pct: Annotated[
        float, Meta(gt=0, le=100), says("Target distance when the signal names none, fraction of the entry.")
    ] = 0.30
    ladder: Annotated[
        bool, says("Stops climb the ladders of conf/stop_profiles.toml as adjustable stops.")
    ] = True
    mode: Annotated[
        Literal["repair", "alert"], says("An unprotected position is repaired, or only alerted on.")
    ] = "repair"


class Lifecycle(Struct, frozen=True, forbid_unknown_fields=True):
    """ENTRY, SCALE_OUT and EXIT (platform contract 0.9)."""

    commission_wait_s: Annotated[Seconds, says("Seconds an EXIT waits for its commission report.")] = 2.0


class Log(Struct, frozen=True, forbid_unknown_fields=True):
    """Log lines."""

    level: Annotated[Literal["debug", "info", "warning", "error"], says("Least severe level written.")] = (
        "info"
    )
    format: Annotated[
        Literal["auto", "json", "console"], says("auto is console on a terminal, else JSON lines.")
    ] = "auto"


class Monitor(Struct, frozen=True, forbid_unknown_fields=True):
    """Heartbeats and status."""

    heartbeat_s: Annotated[Seconds, says("Seconds between two heartbeats of a process.")] = 1.0
    stale_after_s: Annotated[Seconds, says("Seconds without a heartbeat that make a process degraded.")] = 3.0
    alert_every_s: Annotated[
        Seconds,
        says("Seconds in which one kind of alert is told once; more of them are told together after it."),
    ] = 60.0


class Paper(Struct, frozen=True, forbid_unknown_fields=True):
    """The paper gateway, which runs in paper mode only."""

    port: Annotated[Port, says("Port it listens on, written to broker.port_file; 0 takes a free one.")] = 0
    seed: Annotated[int, Meta(ge=0), says("Seed of its market.")] = 1
    market: Annotated[Literal["lively", "calm"], says("How fast its prices move.")] = "lively"
    hours: Annotated[Literal["always", "nyse"], says("When it is open.")] = "always"
    account: Annotated[str, Meta(pattern=r"^D[UF][0-9]+$"), says("Its account.")] = "DU1000001"
    cash: Annotated[float, Meta(gt=0, le=1e12), says("USD in that account when it starts.")] = 1_000_000.0
