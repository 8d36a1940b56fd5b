"""One connection to Redis whose failures are told, never repeated behind our back.

redis-py re-sends a command whose reply was lost, so that one write can become several. Here every retry is
off: a caller learns that the outcome is unknown and repeats what it made idempotent itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from conf.errors import ConfigError
from router.errors import Recoverable

Word = str | bytes | int | float
Command = tuple[Word, ...]

READS_BLOCK_S = 1.0  # longest blocking read; every socket timeout is above it
_AWAY = (redis.ConnectionError, redis.TimeoutError, OSError)
# Replies that speak of the server's condition, not of the command: the same command may succeed later.
_CONDITIONS = ("LOADING", "OOM", "MISCONF", "READONLY", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "BUSY ")


class StoreAway(Recoverable):
    """Redis did not answer, or cannot take writes now. Whether the last command took effect is unknown."""


class StoreRefused(Recoverable):
    """Redis refused a command as such (wrong type, wrong arguments)."""


class StoreUnfit(ConfigError):
    """This Redis may lose what the router writes: as with any configuration only an operator can mend it."""


class Script:
    """A Lua script, named by its digest."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


class Client:
    """Commands in, raw replies out (bytes; no decoding). One thread per client."""

    def __init__(self, url: str, *, name: str, timeout_s: float = 5.0) -> None:
        """`url` is redis://, rediss:// or unix://. Nothing is connected before the first command."""
        self.url = url
        self._redis = redis.Redis.from_url(
            url,
            protocol=2,
            client_name=name,
            socket_timeout=max(timeout_s, 2 * READS_BLOCK_S),
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
            retry_on_timeout=False,
            decode_responses=False,
        )
        self._redis.response_callbacks.clear()  # replies as they are: no shape depends on a library version

    @property
    def database(self) -> int:
        """Number of the selected database; keyspace channels carry it."""
        return int(self._redis.connection_pool.connection_kwargs.get("db") or 0)

    def call(self, *command: Word) -> Any:
        """One command. Raises StoreAway or StoreRefused."""
        with translated():
            return self._redis.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py is untyped here

    def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Many commands in one round trip, each on its own; a refused one gives a StoreRefused in its place.

        Raises StoreAway when any of them met a condition of the server: then some may have taken effect.
        """
        with translated():
            pipe = self._redis.pipeline(transaction=False)
            for command in commands:
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py is untyped here
            replies = pipe.execute(raise_on_error=False)
        return [translate(reply) if isinstance(reply, redis.RedisError) else reply for reply in replies]

    def run(self, script: Script, keys: Sequence[Word], arguments: Sequence[Word]) -> Any:
        """Run a script, loading it when this server does not know it yet. Raises StoreAway or StoreRefused."""
        command = (script.sha, len(keys), *keys, *arguments)
        try:
            return self.call("EVALSHA", *command)
        except StoreRefused as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
        return self.call("EVAL", script.source, *command[1:])

    def subscription(self) -> Subscription:
        """A subscription on a connection of its own."""
        return Subscription(self._redis)

    def close(self) -> None:
        """Close every connection; the client may be used again and connects anew."""
        self._redis.close()


class Subscription:
    """PUB/SUB channels. After any error it is dead: make a new one."""

    def __init__(self, client: redis.Redis) -> None:
        self._pubsub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # redis-py

    def subscribe(self, *channels: str) -> None:
        """Listen on these channels; returns once the server has confirmed each. Raises StoreAway."""
        with translated():
            self._pubsub.subscribe(*channels)
        for _ in channels:  # the confirmations come first and together
            self.receive(READS_BLOCK_S)

    def receive(self, timeout_s: float) -> bytes | None:
        """The channel of the next message, or None when none came in time. Raises StoreAway."""
        with translated():
            message = self._pubsub.get_message(timeout=timeout_s)
        return cast("bytes", message["channel"]) if message else None

    def ping(self) -> None:
        """Write to the connection, so that a dead one is noticed. Raises StoreAway."""
        with translated():
            self._pubsub.ping()

    def close(self) -> None:
        """Close the connection."""
        self._pubsub.close()


def connect(url: str, *, name: str, timeout_s: float = 5.0) -> Client:
    """A client called `name` in CLIENT LIST. It connects with its first command."""
    return Client(url, name=f"router-{name}", timeout_s=timeout_s)


@contextmanager
def translated() -> Iterator[None]:
    """redis-py's errors as the router's own."""
    try:
        yield
    except redis.ResponseError as error:
        raise translate(error) from error
    except _AWAY as error:
        raise StoreAway(f"Redis does not answer: {error}") from error


def translate(error: redis.RedisError) -> StoreRefused:
    """A reply that is an error. Raises StoreAway when it speaks of the server's condition."""
    text = f"{error.status_code} {error}" if error.status_code else str(error)
    if isinstance(error, redis.ConnectionError) or text.startswith(_CONDITIONS):
        raise StoreAway(f"Redis cannot answer now: {text}") from error
    return StoreRefused(text)
