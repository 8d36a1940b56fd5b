"""The command line of the paper gateway."""

from decimal import Decimal
from pathlib import Path

import pytest

from paper.pacing import Policy
from paper.settings import Settings, parse
from paper.storm import Plan


def test_nothing_said_is_the_default() -> None:
    """Without options the settings are those of the class."""
    assert parse([]) == Settings()


def test_everything_said_is_read() -> None:
    """Paths, numbers, words, prices, switches and a storm."""
    said = parse(
        [
            "--port",
            "0",
            "--ledger",
            "l",
            "--state",
            "s",
            "--control",
            "c",
            "--script",
            "f",
            "--pacing",
            "queue",
            "--spot",
            "AAPL=100.5",
            "--cash",
            "5000",
            "--switch",
            "stop_twice=off",
            "--start",
            "2026-11-23T09:30",
            "--speed",
            "60",
            "--tick",
            "1",
            "--storm",
            "100",
            "--burst",
            "7",
        ]
    )
    assert [said.ledger, said.state, said.control, said.script] == [
        Path("l"),
        Path("s"),
        Path("c"),
        Path("f"),
    ]
    assert (said.port, said.pacing, said.spots, said.cash) == (
        0,
        Policy.QUEUE,
        {"AAPL": Decimal("100.5")},
        Decimal(5000),
    )
    assert not said.switches.stop_twice
    assert said.start is not None
    assert said.start.isoformat() == "2026-11-23T09:30:00-05:00"
    assert (said.speed, said.tick) == (60, 1)
    assert said.storm == Plan(100, 10, 10, 7, 0.0)


def test_a_start_may_name_its_zone() -> None:
    """A start with an offset keeps it."""
    said = parse(["--start", "2026-11-23T09:30:00+00:00"])
    assert said.start is not None
    assert said.start.isoformat() == "2026-11-23T09:30:00+00:00"


@pytest.mark.parametrize(
    "arguments",
    [
        "--tick 0",
        "--tick 61",
        "--spot NOSUCH=1",
        "--spot AAPL",
        "--spot AAPL=0.5",
        "--spot AAPL=inf",
        "--cash 0",
        "--cash x",
        "--switch nothing=on",
        "--switch stop_twice=perhaps",
        "--start noon",
        "--speed -1",
        "--storm 0",
        "--burst 99999999",
        "--pacing never",
        "--market wild",
    ],
)
def test_a_mistake_ends_with_a_sentence(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, and the option that is wrong is named."""
    with pytest.raises(SystemExit) as caught:
        parse(arguments.split())
    assert caught.value.code == 2
    assert arguments.split()[0] in capsys.readouterr().err
