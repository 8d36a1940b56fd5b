"""The conversation with a client: greeting, startApi, then one answer for each request."""

import logging
from collections.abc import Callable
from typing import Any

from paper import messages_out as out
from paper import requests as rq
from paper import serve_account, serve_data, serve_history, serve_lists, serve_orders
from paper.gateway import Gateway
from paper.messages_in import UnknownMessage, read_request
from paper.session import Session
from paper.wire import FieldError, WireError, client_versions

log = logging.getLogger("paper")
MIN_VERSION, MAX_VERSION = 157, 176
_FARMS = (
    (2104, "Market data farm connection is OK:usfarm"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefnj"),
)
_TAKEN = "Unable to connect as the client id is already in use. Retry with a unique client id."

# requests whose handler takes just that request, found by its type
_HANDLERS: dict[type, Callable[[Gateway, Session, Any], None]] = {
    **serve_orders.HANDLERS,
    **serve_account.HANDLERS,
    **serve_data.HANDLERS,
    **serve_history.HANDLERS,
    **serve_lists.HANDLERS,
}


def receive(gateway: Gateway, session: Session, data: bytes, admit: Callable[[bytes], bool]) -> None:
    """Take bytes of a client and serve each request that is admitted.

    Raises WireError when they are not the protocol and the connection must end.
    """
    for payload in session.frames.feed(data):
        if session.closing:
            return
        if session.version == 0:
            _greet(gateway, session, payload)
        elif admit(payload):
            serve(gateway, session, payload)


def _greet(gateway: Gateway, session: Session, payload: bytes) -> None:
    low, high = client_versions(payload)
    version = min(MAX_VERSION, high)
    if version < max(low, MIN_VERSION):
        raise WireError(f"client speaks {low}..{high}, this gateway {MIN_VERSION}..{MAX_VERSION}")
    session.version = version
    session.send(out.handshake(version, gateway.clock.now()))


def serve(gateway: Gateway, session: Session, payload: bytes) -> None:
    """Answer one request. Raises WireError for one that may not come before startApi."""
    try:
        request = read_request(payload, session.version)
    except UnknownMessage as error:
        log.warning("client %s: %s", session.client_id, error)
        session.send(out.error(-1, 505, f"Fatal Error: Unknown message id. {error}", session.version))
        return
    except FieldError as error:
        log.warning("client %s: %s", session.client_id, error)
        text = f"Server error when reading an API client request. {error}"
        session.send(out.error(-1, 320, text, session.version))
        return
    match request:
        case rq.StartApi(client_id):
            _start(gateway, session, client_id)
        case _ if session.client_id is None:
            raise WireError(f"{type(request).__name__} before startApi")
        case _:
            _HANDLERS[type(request)](gateway, session, request)


def _start(gateway: Gateway, session: Session, client_id: int) -> None:
    if session.client_id is not None:
        return
    if client_id in gateway.sessions:
        session.send(out.error(-1, 326, _TAKEN, session.version))
        session.closing = True
        return
    session.client_id = client_id
    session.told_id = gateway.engine.book.next_id(client_id)
    gateway.sessions[client_id] = session
    gateway.ledger.append("client", client_id=client_id, action="started", version=session.version)
    log.info("client %d connected from %s at version %d", client_id, session.peer, session.version)
    session.send(
        out.managed_accounts([gateway.account.name]),
        out.next_valid_id(session.told_id),
        *(out.error(-1, code, text, session.version) for code, text in _FARMS),
    )
