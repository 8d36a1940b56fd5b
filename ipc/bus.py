"""The bus as workers see it: everything they import of `ipc`, but `ipc.aio` for those on asyncio."""

from ipc.context import Context, Keys, Options
from ipc.errors import JournalError, JournalFull, NoReply
from ipc.feed import Source
from ipc.follower import Reset
from ipc.frame import BEGINNING, LIVE, Envelope, Position
from ipc.journal import Journal
from ipc.loop import Loop
from ipc.publisher import Publisher
from ipc.quarantine import Quarantine
from ipc.reader import JournalReader
from ipc.requester import Requester
from ipc.responder import Responder
from ipc.subscriber import Subscriber

__all__ = [
    "BEGINNING",
    "LIVE",
    "Context",
    "Envelope",
    "Journal",
    "JournalError",
    "JournalFull",
    "JournalReader",
    "Keys",
    "Loop",
    "NoReply",
    "Options",
    "Position",
    "Publisher",
    "Quarantine",
    "Requester",
    "Reset",
    "Responder",
    "Source",
    "Subscriber",
]
