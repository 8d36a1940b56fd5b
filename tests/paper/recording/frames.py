"""Frames that a recorder kept as they were, `raw server BASE64`, as the steps they are.

Only the text protocol is read, up to server version 200; what follows is protobuf. From 177 on an openOrder has no
faProfile, from 192 on a cancel and from 194 on an error has no version: places move accordingly.
"""

from __future__ import annotations

import base64
import struct

from tests.paper.recording.tables import ANSWERS, Answer

_TEXT_UNTIL, _NO_PROFILE, _SHORT_CANCEL, _SHORT_ERROR = 200, 177, 192, 194
_PROFILE = 34  # where faProfile is in an openOrder
_CONTRACT = (
    "con_id symbol sec_type expiry strike right multiplier exchange primary_exchange currency local_symbol"
)
_ORDER = (
    "action total_quantity order_type lmt_price aux_price tif oca_group account open_close origin order_ref"
)
_PLACED = f"order_id {_CONTRACT} trading_class sec_id_type sec_id {_ORDER} transmit parent_id"
# requests by id: their name and the places of their fields
_REQUESTS: dict[str, tuple[str, dict[str, int]]] = {
    "3": ("place_order", {name: at for at, name in enumerate(_PLACED.split(), 1)}),
    "4": ("cancel_order", {"order_id": 2}),
    "5": ("req_open_orders", {}),
    "8": ("req_ids", {"num_ids": 2}),
    "16": ("req_all_open_orders", {}),
    "49": ("req_current_time", {}),
    "58": ("global_cancel", {}),
    "61": ("req_positions", {}),
    "64": ("cancel_positions", {}),
    "99": ("req_completed_orders", {"api_only": 1}),
}


def read_frame(speaker: str, text: str, version: int) -> tuple[str, dict[str, str]]:
    """Name and fields of a frame of the client or the server. Raises ValueError for one that cannot be read."""
    data = base64.b64decode(text, validate=True)
    if version > _TEXT_UNTIL:
        raise ValueError(f"a raw frame of server version {version}; those after {_TEXT_UNTIL} are not text")
    if len(data) < 4 or struct.unpack(">I", data[:4])[0] != len(data) - 4 or not data.endswith(b"\0"):
        raise ValueError("a raw frame that is not whole")
    message = data[4:-1].decode().split("\0")
    name, places = _answer(message[0], version) if speaker == "server" else _request(message[0], version)
    found = {key: message[at] for key, at in places.items() if 0 < at < len(message)}
    return name, found if speaker == "server" else {key: value for key, value in found.items() if value}


def _answer(number: str, version: int) -> tuple[str, dict[str, int]]:
    names = {str(answer.number): name for name, answer in ANSWERS.items()}
    if number not in names:
        raise ValueError(f"message {number} is not one this gateway sends")
    name = names[number]
    return name, _moved(name, ANSWERS[name], version)


def _moved(name: str, answer: Answer, version: int) -> dict[str, int]:
    if name == "api_error" and version >= _SHORT_ERROR:
        return {key: at - 1 for key, at in answer.places.items()}
    if name == "open_order" and version >= _NO_PROFILE:
        return {key: at - (at >= _PROFILE) for key, at in answer.places.items()}
    return answer.places


def _request(number: str, version: int) -> tuple[str, dict[str, int]]:
    if number not in _REQUESTS:
        raise ValueError(f"request {number} is not one that is read from a raw frame")
    name, places = _REQUESTS[number]
    if name == "cancel_order" and version >= _SHORT_CANCEL:
        return name, {"order_id": 1}
    return name, places
