"""The arguments of `router tail`, `router journal` and `router keys`."""

from __future__ import annotations

import argparse

import pytest

from workers.cli import journal, keys
from workers.cli.listening import listening
from workers.cli.tail import tail


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    """A command with nothing else in it."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)

    def add(name: str, act: object, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text)
        command.set_defaults(act=act)
        return command

    listening(add)
    return parser


def test_tail_without_arguments_is_live_and_for_people(parser: argparse.ArgumentParser) -> None:
    """No past, no conditions, short lines."""
    options = parser.parse_args(["tail"])
    assert options.act is tail
    assert (options.topics, options.where, options.format, options.json) == ([], [], "pretty", False)
    assert (options.since, options.until, options.last) == (None, None, None)
    assert not any((options.follow, options.latency, options.stats))


def test_conditions_and_topics_are_repeated(parser: argparse.ArgumentParser) -> None:
    """--where once each, topics one after the other."""
    options = parser.parse_args(
        ["tail", "trade", "Link*", "--where", "a=1", "--where", "b.c=2", "-n", "3", "-f"]
    )
    assert (options.topics, options.where) == (["trade", "Link*"], ["a=1", "b.c=2"])
    assert (options.last, options.follow) == (3, True)


@pytest.mark.parametrize(
    "arguments",
    [
        "tail -n 0",
        "tail -n x",
        "tail --format xml",
        "tail --json --format raw",
        "journal",
        "journal show",
        "journal show --order a --signal b",
        "journal export --format xml",
        "keys",
    ],
)
def test_what_contradicts_itself_or_is_no_choice_is_exit_2(
    parser: argparse.ArgumentParser, arguments: str
) -> None:
    """argparse names it."""
    with pytest.raises(SystemExit) as caught:
        parser.parse_args(arguments.split())
    assert caught.value.code == 2


def test_each_command_has_its_function(parser: argparse.ArgumentParser) -> None:
    """verify for all processes or one, show, export, generate for `router` or another name."""
    assert parser.parse_args(["journal", "verify"]).act is journal.verify
    assert parser.parse_args(["journal", "verify", "gateway"]).process == "gateway"
    assert parser.parse_args(["journal", "show", "--order", "a"]).act is journal.show
    assert parser.parse_args(["journal", "export", "--topic", "a", "--topic", "b"]).topic == ["a", "b"]
    options = parser.parse_args(["keys", "generate"])
    assert (options.act, options.name, options.dir) == (keys.generate, "router", None)
