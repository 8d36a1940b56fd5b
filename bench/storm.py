"""`make bench`: fill storms and the bus, against stock ib_insync and against the limits, on the same bytes.

Subjects take turns, several times; medians are compared, so that a machine whose speed drifts still compares
fairly. Prints a table of ratios and writes bench/results/latest.json. QUICK=1 takes about a minute.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from bench.bus import SUBSCRIBERS
from bench.frames import Shape

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT / "bench" / "results" / "latest.json"
QUICK = os.environ.get("QUICK") == "1"
ROUNDS = 3 if QUICK else 5
FLATNESS_ROUNDS = 21
STORM_READ = 2_500  # messages in 256 KiB, which is what a read brings that finds the socket full
SMALL_READ = 20


class Row(NamedTuple):
    """One line of the table: the ratio, the aim, and what it was made of."""

    name: str
    value: float
    aim: str
    note: str


def run(subject: str, shape: Shape, *more: float, rate: float = 0.0) -> dict[str, Any]:
    """One subject through one storm; `more` is passed to the subject."""
    python = sys.executable
    words = [str(shape.orders), str(shape.partials)]
    feeder = subprocess.Popen(
        [python, "-m", "bench.feeder", *words, str(rate)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert feeder.stdout is not None
    try:
        port = feeder.stdout.readline().strip()
        done = subprocess.run(
            [python, "-m", "bench.subjects", subject, port, *words, *map(str, more)],
            cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True, timeout=600,
        )  # fmt: skip
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return result
    finally:
        feeder.kill()
        feeder.wait()
        feeder.stdout.close()


def against_stock(rows: list[Row], figures: dict[str, Any]) -> None:
    """Gateway against stock ib_insync and against a bare splitter, at 1 and at 200 partials an order.

    Each has a storm of the same shape that takes it a third of a second or more: a shorter one measures the start.
    """
    for partials, aim, storms in (
        (1, ">= 6", {"stock": Shape(5_000, 1), "gateway": Shape(20_000, 1), "splitter": Shape(200_000, 1)}),
        (200, ">= 50", {"stock": Shape(5, 200), "gateway": Shape(100, 200), "splitter": Shape(1_000, 200)}),
    ):
        rates: dict[str, list[float]] = {name: [] for name in storms}
        cpu_us = []
        for _ in range(ROUNDS):
            for name, storm in storms.items():
                result = run(name, storm)
                rates[name].append(storm.messages / result["seconds"])
                if name == "gateway":
                    cpu_us.append(result["cpu_seconds"][-1] / storm.messages * 1e6)
        figures[f"messages_per_s_{partials}_partials"] = rates
        figures[f"gateway_cpu_us_{partials}_partials"] = cpu_us
        cost = f"{statistics.median(cpu_us):.1f} us of processor time a message"
        rows.append(against(f"gateway_vs_stock_{partials}_partials", rates, "gateway", "stock", aim, cost))
        rows.append(against(f"splitter_vs_gateway_{partials}_partials", rates, "splitter", "gateway", "<= 6"))


def against(name: str, rates: dict[str, list[float]], one: str, other: str, aim: str, more: str = "") -> Row:
    """The median messages a second of one subject over those of another."""
    rate, base = statistics.median(rates[one]), statistics.median(rates[other])
    rounds = spread([first / second for first, second in zip(rates[one], rates[other], strict=True)])
    note = f"{one} {rate:,.0f}/s, {other} {base:,.0f}/s; rounds {rounds}"
    return Row(name, rate / base, aim, f"{note}; {more}" if more else note)


def flatness(rows: list[Row], figures: dict[str, Any]) -> None:
    """One order, 5,000 partials: the last tenth costs what the second one did, in processor time.

    The feeder sets the pace here, so that reads are alike; the first tenth pays for the start. Of each tenth the
    least of all rounds counts: the work is the same in each, and a machine that slows down only adds to it.
    """
    tenths = []
    for _ in range(FLATNESS_ROUNDS):
        marks = run("gateway_writing", Shape(1, 5_000), rate=15_000)["cpu_seconds"]
        tenths.append([after - before for before, after in pairwise(marks)])
    least = [min(one) for one in zip(*tenths, strict=True)]
    figures["flatness_cpu_seconds"] = tenths
    note = f"5,000 partials of one order; any tenth {spread([one / least[0] for one in least])}"
    rows.append(Row("last_tenth_vs_second_tenth", least[-1] / least[0], "0.9 .. 1.1", note))


def latency(rows: list[Row], figures: dict[str, Any]) -> None:
    """Socket read to PUB at 5,000 messages a second; and what of it is the machine's.

    The control reads the same storm and is busy after each read for as long as the gateway is at its median.
    """
    shape = Shape(3_000 if QUICK else 25_000, 1)
    ours, control = [], []
    for _ in range(ROUNDS):
        ours.append(run("gateway_timed", shape, rate=5_000))
        control.append(run("splitter", shape, ours[-1]["lag_p50_us"], rate=5_000))
    figures["read_to_pub_us"] = {"gateway": ours, "control": control}
    for name, aim, found in (("read_to_pub", "<= 1", ours), ("read_to_pub_control", "", control)):
        p50, p99 = ([one[f"lag_p{part}_us"] / 1e3 for one in found] for part in (50, 99))
        note = f"p50 {statistics.median(p50):.2f} ms; p99 of the rounds {spread(p99)} ms"
        rows.append(Row(f"{name}_p99_ms", statistics.median(p99), aim, note))


def spread(values: list[float]) -> str:
    """The least and the greatest."""
    return f"{min(values):.2f} .. {max(values):.2f}"


def memory(rows: list[Row], figures: dict[str, Any]) -> None:
    """Resident memory over a long storm."""
    shape = Shape(1_000, 60) if QUICK else Shape(1_000, 667)
    result = run("gateway", shape)
    figures["memory"] = {"messages": shape.messages, "growth_kb": result["rss_growth_kb"]}
    rows.append(
        Row("memory_growth_mb", result["rss_growth_kb"] / 1024, "< 10", f"over {shape.messages:,} messages")
    )


def bus(rows: list[Row], figures: dict[str, Any]) -> None:
    """One publisher, three subscribers: ours against bare pyzmq with the same frames.

    Once nobody looks at the messages, which bare pyzmq does not encode either; once everybody decodes each, and bare
    pyzmq encodes and decodes with the same codec. That for what a socket read brings in a storm that the gateway cannot
    keep up with, and for reads of 20 messages.
    """
    count = 250_000 if QUICK else 500_000
    pairs = {
        "ours": ("publish", "subscribe"),
        "bare": ("bare_publish", "bare_subscribe"),
        "ours_looking": ("publish", "subscribe_looking"),
        "bare_decoding": ("bare_publish_encoding", "bare_subscribe_looking"),
    }
    for read, suffix in ((STORM_READ, ""), (SMALL_READ, f"_reads_of_{SMALL_READ}")):
        rates: dict[str, list[float]] = {name: [] for name in pairs}
        cpu_us: dict[str, list[list[float]]] = {name: [] for name in pairs}
        for _ in range(ROUNDS):
            for name, roles in pairs.items():
                seconds, cpu_seconds = bus_seconds(*roles, count, read)
                rates[name].append(count / seconds)
                cpu_us[name].append([one / count * 1e6 for one in cpu_seconds])
        figures[f"bus_messages_per_s{suffix}"] = rates
        figures[f"bus_cpu_us{suffix}"] = cpu_us  # a message: of the publisher, then of each subscriber
        for row, ours, bare, aim in (
            (f"bus_vs_bare_pyzmq{suffix}", "ours", "bare", ">= 0.6"),
            (f"bus_vs_bare_pyzmq_decoding{suffix}", "ours_looking", "bare_decoding", ""),
        ):
            spent = (f"{name} {statistics.median(map(sum, cpu_us[name])):.2f}" for name in (ours, bare))
            cost = f"{', '.join(spent)} us of processor time a message"
            rows.append(against(row, rates, ours, bare, aim, cost))


def bus_seconds(publisher: str, subscriber: str, count: int, read: int) -> tuple[float, list[float]]:
    """Seconds of the slowest of three subscribers, and of processor time that each process took, publisher first."""
    with tempfile.TemporaryDirectory(prefix="b", dir="/tmp") as directory:
        started = []

        def start(role: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.bus", role, directory, str(count), str(read)],
                cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            started.append(process)
            return process

        def last_words(process: subprocess.Popen[str], word: str | None = None) -> dict[str, float]:
            words: dict[str, float] = json.loads(process.communicate(word, timeout=60)[0])
            return words

        try:
            source = start(publisher)
            sinks = [start(subscriber) for _ in range(SUBSCRIBERS)]
            for process in started:
                assert process.stdout is not None
                assert process.stdout.readline().strip() == "ready", f"{process.args!r} did not start"
            assert source.stdin is not None
            source.stdin.write("go\n")
            source.stdin.flush()
            found = [last_words(sink) for sink in sinks]
            found.insert(0, last_words(source, "end\n"))
            return max(one["seconds"] for one in found[1:]), [one["cpu_seconds"] for one in found]
        finally:
            for process in started:
                process.kill()
                process.wait()


def main() -> None:
    """Measure, print, write."""
    rows: list[Row] = []
    figures: dict[str, Any] = {}
    for part in (against_stock, flatness, latency, memory, bus):
        part(rows, figures)
    print(f"{'ratio':<34} {'value':>8}  {'aim':<12} note")
    for row in rows:
        print(f"{row.name:<34} {row.value:>8.2f}  {row.aim:<12} {row.note}")
    RESULTS.parent.mkdir(exist_ok=True)
    document = {
        "ratios": {row.name: row.value for row in rows},
        "figures": figures,
        "quick": QUICK,
        "rounds": ROUNDS,
        "machine": {
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
            "kernel": platform.release(),
        },
        "versions": {name: version(name) for name in ("ib_insync", "pyzmq", "msgspec")},
    }
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"written to {RESULTS.relative_to(PROJECT)}")


if __name__ == "__main__":
    main()
