"""ipc.security: private directories, one owner per endpoint, keys that others cannot read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ipc.errors import EndpointInUse, EndpointRefused, InsecurePath, KeysMissing
from ipc.security import (
    KeyPair,
    generate_keys,
    ipc_path,
    load_keys,
    load_public_key,
    lock_endpoint,
    private_directory,
    private_umask,
)
from router.errors import Fatal


def test_makes_a_private_directory(tmp_path: Path) -> None:
    """What is made is 0700 whatever the umask, and what exists as 0700 is taken."""
    before = os.umask(0)
    try:
        path = private_directory(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o700
    assert private_directory(path) == path


def test_umask_is_given_back(tmp_path: Path) -> None:
    """Outside, files are made as before."""
    before = os.umask(0o022)
    try:
        with private_umask():
            (tmp_path / "inside").touch()
        (tmp_path / "outside").touch()
    finally:
        os.umask(before)
    assert (tmp_path / "inside").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "outside").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_directory_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    """Group and others must have no right at all; the message says what to run."""
    path = tmp_path / "run"
    path.mkdir()
    path.chmod(mode)
    with pytest.raises(InsecurePath, match=f"has mode {mode:04o}: run `chmod 700"):
        private_directory(path)


def test_directory_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that another user prepared is not used."""
    path = private_directory(tmp_path / "run")
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(InsecurePath, match="belongs to uid"):
        private_directory(path)


def test_longest_path_of_a_unix_socket() -> None:
    """107 bytes fit, 108 do not, counted in bytes and said so."""
    fits = "/" + "x" * 106
    assert ipc_path("ipc://" + fits) == Path(fits)
    with pytest.raises(EndpointRefused, match="the path has 108 bytes, a unix socket allows 107"):
        ipc_path(f"ipc://{fits}x")
    with pytest.raises(EndpointRefused, match="has 124 bytes"):
        ipc_path("ipc:///" + "é" * 61 + "x")


def test_one_owner_per_endpoint(tmp_path: Path) -> None:
    """The second one is refused until the first is gone; the lock file stays and does not matter."""
    path = private_directory(tmp_path / "run") / "gateway.pub"
    descriptor = lock_endpoint(path)
    with pytest.raises(EndpointInUse, match=r"gateway\.pub is bound by another process"):
        lock_endpoint(path)
    os.close(descriptor)
    os.close(lock_endpoint(path))


def test_refusals_are_fatal() -> None:
    """A process that cannot have its sockets safely does not run."""
    for kind in (EndpointInUse, EndpointRefused, InsecurePath, KeysMissing):
        assert issubclass(kind, Fatal)


def test_keys_are_generated_private_and_never_overwritten(tmp_path: Path) -> None:
    """A pair of 40 Z85 characters each, for the owner only; a second generation is refused and changes nothing."""
    public, secret = generate_keys(tmp_path / "keys", "gateway")
    assert {path.stat().st_mode & 0o777 for path in (public, secret)} == {0o600}
    pair = load_keys(tmp_path / "keys", "gateway")
    assert (len(pair.public), len(pair.secret)) == (40, 40)
    assert load_public_key(tmp_path / "keys", "gateway") == pair.public
    with pytest.raises(InsecurePath, match="exists: move it away"):
        generate_keys(tmp_path / "keys", "gateway")
    assert load_keys(tmp_path / "keys", "gateway") == pair
    assert pair.secret not in public.read_bytes()


def test_secret_is_not_shown() -> None:
    """A key pair in a log or traceback does not give its secret away."""
    assert "secret-text" not in repr(KeyPair(b"public", b"secret-text"))


def test_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """A secret key file must be 0600."""
    _, secret = generate_keys(tmp_path / "keys", "gateway")
    secret.chmod(0o640)
    with pytest.raises(InsecurePath, match="may be read by others"):
        load_keys(tmp_path / "keys", "gateway")


def test_missing_or_broken_keys_say_what_to_do(tmp_path: Path) -> None:
    """Absent file, file without a key, secret file without a secret: each names the file and the command."""
    directory = private_directory(tmp_path / "keys")
    with pytest.raises(
        KeysMissing, match=r"gateway\.key_secret is not there: run `router keys generate gateway`"
    ):
        load_keys(directory, "gateway")
    with pytest.raises(KeysMissing, match="router keys generate sizing"):
        load_public_key(directory, "sizing")
    secret = directory / "gateway.key_secret"
    secret.write_text("nothing\n")
    secret.chmod(0o600)
    with pytest.raises(KeysMissing, match="No public key found"):
        load_keys(directory, "gateway")
    secret.write_text('public-key = "x"\n')
    with pytest.raises(KeysMissing, match="holds no secret key"):
        load_keys(directory, "gateway")
