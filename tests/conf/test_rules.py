"""Rules over more than one key, and secrets from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from conf.settings import ConfigError, load
from tests.helpers import make_root

SECRET = "redis://:hunter2@redis.example:6379/0"


@pytest.fixture
def root(short_dir: Path) -> Path:
    """A project root of its own."""
    return make_root(short_dir)


def refusal(root: Path, **env: str) -> str:
    """The only problem of a load."""
    with pytest.raises(ConfigError) as caught:
        load(root, {f"ROUTER_{key}": value for key, value in env.items()})
    (problem,) = caught.value.problems
    return problem


def test_the_url_is_read_from_a_private_file_and_never_shown(root: Path) -> None:
    """A url_file of mode 0600 gives the URL; printing settings does not give it away."""
    secret = root / "redis.url"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    settings = load(root, {"ROUTER_REDIS__URL_FILE": "redis.url"})
    assert settings.redis_url == SECRET
    assert "hunter2" not in repr(settings)


def test_a_secret_that_others_can_read_is_refused(root: Path) -> None:
    """A url_file open to the group is an error that says what to do, without its contents."""
    secret = root / "redis.url"
    secret.write_text(SECRET)
    secret.chmod(0o640)
    problem = refusal(root, REDIS__URL_FILE="redis.url")
    assert problem == f"[redis] url_file = '{secret}' is open to others (mode 0640): chmod 600 it"


@pytest.mark.parametrize("content", [None, ""])
def test_a_missing_or_empty_secret_is_refused(root: Path, content: str | None) -> None:
    """The file must exist and hold something."""
    if content is not None:
        (root / "redis.url").touch(mode=0o600)
    assert refusal(root, REDIS__URL_FILE="redis.url").startswith("[redis] url_file = ")


def test_a_password_does_not_belong_in_a_toml_file(root: Path) -> None:
    """A URL with a password in router.toml is refused without repeating it; one without is accepted."""
    profile = root / "conf/profiles/paper.toml"
    profile.write_text(f'[redis]\nurl = "{SECRET}"\n')
    problem = refusal(root)
    assert "put the URL into a url_file" in problem
    assert "hunter2" not in problem
    profile.write_text('[redis]\nurl = "redis://redis.example"\n')
    assert load(root, {}).redis_url == "redis://redis.example"


def test_only_one_source_of_the_url(root: Path) -> None:
    """url and url_file together are refused."""
    assert refusal(root, REDIS__URL="redis://a", REDIS__URL_FILE="b").endswith("keep one")


def test_a_url_must_be_one_of_redis(root: Path) -> None:
    """Another scheme is refused, and a wrong value of url is never repeated."""
    assert refusal(root, REDIS__URL="http://u:hunter2@a") == (
        "[redis] url must start with redis://, rediss:// or unix://"
    )
    (root / "conf/profiles/paper.toml").write_text("[redis]\nurl = 5\n")
    assert "[redis] url = ***: expected `str`, got `int`" in refusal(root)


def test_the_reserve_leaves_something_for_entries(root: Path) -> None:
    """A reserve as large as the whole limit is refused with both numbers."""
    assert refusal(root, BROKER__REQUESTS_PER_SECOND="10", BROKER__RESERVED_PER_SECOND="10") == (
        "[broker] reserved_per_second = 10: must be below requests_per_second = 10"
    )


@pytest.mark.parametrize("zone", ["America/Gotham", "../etc", "America"])
def test_the_zone_of_the_resets_must_exist(root: Path, zone: str) -> None:
    """A zone that this host does not know is refused by name."""
    assert refusal(root, BROKER__RESET_ZONE=zone) == f"[broker] reset_zone = '{zone}': no such time zone"


def test_a_reset_window_names_days_and_clock_times(root: Path) -> None:
    """One day or a range of days, and two clock times; anything else is refused."""
    good = load(root, {"ROUTER_BROKER__RESET_WINDOWS": "Mon 01:00-02:00,Fri-Sun 23:00-03:00"})
    assert good.broker.reset_windows == ("Mon 01:00-02:00", "Fri-Sun 23:00-03:00")
    assert "reset_windows" in refusal(root, BROKER__RESET_WINDOWS="nightly")


@pytest.mark.parametrize(("tif", "style"), [("GTD", "platform"), ("FOK", "market")])
def test_some_times_in_force_need_a_limit(root: Path, tif: str, style: str) -> None:
    """A style that may send market orders takes no GTD or FOK; one that never does takes both."""
    problem = refusal(root, ENTRY__TIF=tif, ENTRY__STYLE=style)
    assert problem == (f"[entry] tif = '{tif}' needs a limit, and style = '{style}' may send market orders")
    assert load(root, {"ROUTER_ENTRY__TIF": tif, "ROUTER_ENTRY__STYLE": "mid"}).entry.tif == tif
