"""Loading settings: precedence, what is refused, and how it is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from conf.settings import SECTIONS, ConfigError, Settings, load
from tests.helpers import make_root


@pytest.fixture
def root(short_dir: Path) -> Path:
    """A project root of its own."""
    return make_root(short_dir)


def problems(root: Path, **env: str) -> tuple[str, ...]:
    """What a load complains of."""
    with pytest.raises(ConfigError) as caught:
        load(root, {f"ROUTER_{key}": value for key, value in env.items()})
    return caught.value.problems


def write(root: Path, name: str, text: str) -> None:
    """Put a file below the root."""
    (root / name).write_text(text)


def test_paper_is_the_default_and_files_agree_with_the_structs(root: Path) -> None:
    """With no environment the profile is paper and every section holds its default, but for what the profile says."""
    settings = load(root, {})
    assert (settings.mode, settings.profile) == ("paper", "paper")
    for name in sorted(SECTIONS.keys() - {"broker", "paths", "paper"}):
        assert getattr(settings, name) == SECTIONS[name]()
    assert settings.broker.port_file == str(root / "var/run/paper.port")


def test_later_sources_win_key_by_key(root: Path) -> None:
    """Environment beats profile beats router.toml, and a key nobody overrides keeps its value."""
    write(
        root, "conf/profiles/paper.toml", 'mode = "paper"\n[risk]\nmax_positions = 7\nmax_daily_loss = 1.5\n'
    )
    settings = load(root, {"ROUTER_RISK__MAX_POSITIONS": "3"})
    assert settings.risk.max_positions == 3
    assert settings.risk.max_daily_loss == 1.5
    assert settings.risk.max_buying_power_fraction == 0.25


def test_environment_spells_numbers_booleans_and_lists(root: Path) -> None:
    """Text from the environment becomes the type of its key."""
    env = {
        "ROUTER_ENTRY__OUTSIDE_RTH": "false",
        "ROUTER_INGRESS__SYMBOLS": "SPY, QQQ",
        "ROUTER_ENTRY__QUOTE_WAIT_S": "0.5",
    }
    settings = load(root, env)
    assert settings.entry.outside_rth is False
    assert settings.ingress.symbols == ("SPY", "QQQ")
    assert settings.entry.quote_wait_s == 0.5


def test_toml_types_are_strict(root: Path) -> None:
    """A number written as a string in a file is an error that names file, section, key and value."""
    write(root, "conf/profiles/paper.toml", '[risk]\nmax_positions = "7"\n')
    (problem,) = problems(root)
    assert problem == (
        f"{root}/conf/profiles/paper.toml: [risk] max_positions = '7': expected `int`, got `str`"
    )


def test_unknown_names_come_with_the_nearest_valid_one(root: Path) -> None:
    """A misspelt key, section or top-level key is refused with what was probably meant."""
    write(root, "conf/profiles/paper.toml", 'mod = "paper"\n[risk]\nmax_position = 7\n')
    found = problems(root, BROKR__PORT="1", BROKER__QWERTY="1")
    assert f"{root}/conf/profiles/paper.toml: unknown key mod; did you mean mode?" in found
    assert (
        f"{root}/conf/profiles/paper.toml: unknown key [risk] max_position; did you mean max_positions?"
        in found
    )
    assert "ROUTER_BROKR__PORT: unknown section [brokr]; did you mean broker?" in found
    (hopeless,) = [one for one in found if "QWERTY" in one]
    assert "valid are account, backoff_first_s" in hopeless


def test_a_variable_that_lacks_an_underscore_is_not_taken_in_silence(root: Path) -> None:
    """ROUTER_BROKER_PORT is no setting, and whoever writes it means one; a variable of somebody else's is let be."""
    assert problems(root, BROKER_PORT="4002") == (
        "ROUTER_BROKER_PORT: sets nothing; did you mean ROUTER_BROKER__PORT?",
    )
    assert "did you mean ROUTER_LOG__<KEY>?" in problems(root, LOG="x")[0]
    assert load(root, {"ROUTER_SERVICE_HOST": "10.0.0.1"}).broker.port == 0


def test_a_word_that_is_none_of_the_allowed_ones_is_told_which_are(root: Path) -> None:
    """Whoever mistyped it need not look it up."""
    (problem,) = problems(root, PAPER__MARKET="still")
    assert problem == "ROUTER_PAPER__MARKET: [paper] market = 'still': must be 'lively' or 'calm'"


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0", "1e9"])
def test_numbers_out_of_bounds_are_refused(root: Path, value: str) -> None:
    """NaN, infinity and absurd numbers never become a setting."""
    (problem,) = problems(root, ENTRY__QUOTE_WAIT_S=value)
    assert problem.startswith(
        f"ROUTER_ENTRY__QUOTE_WAIT_S: [entry] quote_wait_s = '{value}': expected `float`"
    )


def test_every_problem_is_named_at_once_and_one_line_is_enough(root: Path) -> None:
    """`problems` lists all of them; the message of the error is one line with the first."""
    with pytest.raises(ConfigError) as caught:
        load(root, {"ROUTER_RISK__MAX_POSITIONS": "x", "ROUTER_MODE": "test", "ROUTER_BUS__SEND_HWM": "0"})
    assert len(caught.value.problems) == 3
    assert "\n" not in str(caught.value)
    assert "(and 2 more: see `router config check`)" in str(caught.value)


def test_live_needs_a_named_account_that_is_not_simulated(root: Path) -> None:
    """The live profile alone, or with a DU account, is refused; with a real account it loads."""
    assert "needs [broker] account" in problems(root, PROFILE="live")[0]
    assert "simulated account" in problems(root, PROFILE="live", BROKER__ACCOUNT="DU1")[0]
    settings = load(root, {"ROUTER_PROFILE": "live", "ROUTER_BROKER__ACCOUNT": "U7654321"})
    assert (settings.mode, settings.broker.account, settings.broker_port()) == ("live", "U7654321", 4001)


def test_paper_refuses_a_real_account(root: Path) -> None:
    """Simulated money never names a real account."""
    assert "not a DU account" in problems(root, BROKER__ACCOUNT="U7654321")[0]


def test_an_unknown_profile_lists_those_there_are(root: Path) -> None:
    """ROUTER_PROFILE=papr says which profiles exist."""
    (problem,) = problems(root, PROFILE="papr")
    assert problem.endswith("conf/profiles/papr.toml: no such file; ROUTER_PROFILE is one of live, paper")


def test_a_broken_file_is_named_with_its_line(root: Path) -> None:
    """TOML that does not parse is refused with file and line."""
    write(root, "conf/router.toml", "mode = \n")
    (problem,) = problems(root)
    assert problem.startswith(f"{root}/conf/router.toml: Invalid value (at line 1")


def test_the_port_is_read_from_the_file_at_each_ask(settings: Settings) -> None:
    """No port file, or half of one, is no port yet; a configured port wins."""
    assert settings.broker_port() is None
    Path(settings.broker.port_file).write_text("")
    assert settings.broker_port() is None
    Path(settings.broker.port_file).write_text("4002\n")
    assert settings.broker_port() == 4002
    fixed = msgspec.structs.replace(settings, broker=msgspec.structs.replace(settings.broker, port=7))
    assert fixed.broker_port() == 7


def test_a_port_must_come_from_somewhere(root: Path) -> None:
    """Port 0 without a port file is refused."""
    assert problems(root, BROKER__PORT_FILE="") == ("[broker] port = 0 needs [broker] port_file",)


def test_places_of_a_process(settings: Settings) -> None:
    """Endpoints and journal of a process lie below run and journal."""
    run = settings.paths.run
    assert settings.pub("gateway") == f"ipc://{run}/gateway.pub"
    assert settings.cmd("gateway") == f"ipc://{run}/gateway.cmd"
    assert settings.journal("gateway") == settings.paths.journal / "gateway"
    assert settings.redis_url == f"unix://{run}/redis.sock"


def test_directories_are_private(make_settings: Callable[..., Settings]) -> None:
    """Everything below var is for its owner only."""
    settings = make_settings(PATHS__LOG="elsewhere/log")
    for path in (settings.paths.var, settings.paths.run, settings.paths.journal, settings.paths.log):
        assert path.stat().st_mode & 0o777 == 0o700
    assert settings.paths.log == settings.root / "elsewhere/log"


def test_the_mode_alone_may_come_from_the_environment(root: Path) -> None:
    """ROUTER_MODE overrides the profile's mode; a ROUTER_ name without a section is somebody else's."""
    env = {"ROUTER_MODE": "live", "ROUTER_BROKER__ACCOUNT": "U1", "ROUTER_IP": "10.0.0.1"}
    assert load(root, env).mode == "live"
    (root / "conf/profiles/paper.toml").write_text("")
    (root / "conf/router.toml").write_text("")
    assert load(root, {}).mode == "paper"
