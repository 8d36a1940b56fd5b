"""Errors of the bus.

RouterError
├── Recoverable
│   ├── JournalError           a record could not be written; nothing of it stays in the journal
│   │   └── JournalFull        no space left, or a quota or size limit reached
│   ├── MessageTooLarge        one message is larger than a frame may be
│   └── NoReply                a command got no reply in time; it may have been carried out
└── Fatal
    ├── JournalInUse           another process writes this journal
    ├── EndpointInUse          another process has bound this endpoint
    ├── EndpointRefused        an endpoint that cannot be used: path too long, unknown transport, tcp in the clear
    ├── InsecurePath           a directory or key file that others may read or write, or that is another user's
    ├── KeysMissing            a CURVE key file is not there or cannot be read
    └── NotMyMessage           a process published a message that the topics table gives to another
"""

from __future__ import annotations

from router.errors import Fatal, Recoverable


class JournalError(Recoverable):
    """A record could not be written; nothing of it stays in the journal."""


class JournalFull(JournalError):
    """No space left on the journal's file system, or a quota or size limit reached."""


class MessageTooLarge(Recoverable):
    """One message is larger than a frame may be."""


class NoReply(Recoverable):
    """A command got no reply in time. It may have been carried out: ask again with the same id."""


class JournalInUse(Fatal):
    """Another process writes this journal."""


class EndpointInUse(Fatal):
    """Another process has bound this endpoint."""


class EndpointRefused(Fatal):
    """An endpoint that cannot be used."""


class InsecurePath(Fatal):
    """A directory or key file that others may read or write, or that is another user's."""


class KeysMissing(Fatal):
    """A CURVE key file is not there or cannot be read."""


class NotMyMessage(Fatal):
    """A process published a message that the topics table gives to another, or to nobody."""
