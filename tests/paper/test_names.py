"""The table of messages that faults and scenarios ask for by name."""

from paper import messages_in
from paper import requests as rq
from paper.data_requests import DataRequest
from paper.dialogue import _HANDLERS
from paper.names import MESSAGES


def test_every_request_that_is_read_has_a_name_and_a_handler() -> None:
    """What the gateway reads off the wire, what it serves and what a fault can swallow are the same requests."""
    named = {message.number for message in MESSAGES.values() if message.inbound}
    assert named == set(messages_in._READERS)
    requests = set(rq.Request.__args__) | set(DataRequest.__args__)
    assert set(_HANDLERS) | {rq.StartApi} == requests


def test_numbers_are_unique_in_each_direction() -> None:
    """No two messages of one direction bear the same id, so a rule fits one kind only."""
    keys = [message.key for message in MESSAGES.values()]
    assert len(keys) == len(set(keys))
