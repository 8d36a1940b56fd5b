"""The table of IB's message codes: what it says, and what a broken one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from conf.errors import ConfigError
from conf.ib_errors import IB_LIST, POLICIES, load_ib_errors
from tests.helpers import PROJECT

CODES = load_ib_errors(PROJECT)


def write(root: Path, text: str) -> Path:
    """A project root whose table is `text`."""
    (root / "conf").mkdir()
    (root / "conf" / "ib_errors.toml").write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_a_policy_a_text_and_a_source(code: int) -> None:
    """No entry is half filled in, and texts stay short enough for a log line."""
    entry = CODES[code]
    assert entry.code == code
    assert entry.policy in POLICIES
    assert 0 < len(entry.text) <= 80
    assert entry.source


def test_the_whole_list_of_ib_is_covered() -> None:
    """Codes of each of IB's ranges are there; the count only grows."""
    assert len(CODES) >= 478
    for code in (100, 168, 200, 203, 300, 449, 501, 589, 1100, 1300, 2100, 2169, 10000, 10347):
        assert CODES[code].source == IB_LIST


def test_only_rejected_and_cancelled_are_terminal() -> None:
    """Nothing but IB's own word that an order is over ends it."""
    assert {code for code, entry in CODES.items() if entry.policy == "terminal"} == {201, 202}


def test_codes_that_ib_does_not_list_name_their_source() -> None:
    """10349 is not in IB's list; the table says where it was seen."""
    assert "ib_async" in CODES[10349].source


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("version = 2", "version = 2: this router reads version 1"),
        ("version = 1\n[fatal]\n", "unknown section [fatal]"),
        ('version = 1\n[query]\nx = "y"', "[query] x = 'y': must be a code"),
        ("version = 1\n[query]\n103 = 1", "[query] 103 = 1: must be a code"),
        ('version = 1\n[terminal]\n1 = "a"\n[query]\n1 = "b"', "[query] 1 is listed in [terminal] too"),
        ('version = 1\n[sources]\n9 = "a"', "[sources] 9: no section lists this code"),
        ("version =", "ib_errors.toml"),
    ],
)
def test_a_broken_table_is_refused_with_what_to_mend(tmp_path: Path, text: str, problem: str) -> None:
    """Each mistake is named, none is guessed around."""
    with pytest.raises(ConfigError) as caught:
        load_ib_errors(write(tmp_path, text))
    assert problem in str(caught.value)


def test_a_missing_table_is_a_configuration_error(tmp_path: Path) -> None:
    """Without the table no policy could be known, so the gateway must not start."""
    with pytest.raises(ConfigError, match=r"ib_errors\.toml"):
        load_ib_errors(tmp_path)
