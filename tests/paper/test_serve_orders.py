"""Answers about orders where Gateways differ."""

from tests.paper.conftest import RunningGateway
from tests.paper.raw import RawClient


def test_next_id_is_told_again_or_reserved(still_gateway: RunningGateway) -> None:
    """Without the switch each reqIds gets the same id, with it the one after the last, as it was recorded once."""
    with RawClient(still_gateway.port) as client:
        said = client.start()
        (first,) = [one[2] for one in said if one[0] == "9"]
        assert [client.ask(8, 1, 1)[0][2] for _ in range(2)] == [first, first]
        still_gateway.do("switch ids_reserved on")
        assert [int(client.ask(8, 1, 1)[0][2]) - int(first) for _ in range(2)] == [1, 2]
