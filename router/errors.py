"""One tree of errors.

RouterError
├── Recoverable      this item failed; the process goes on with the next one
│   └── FieldError   a value from outside is wrong: names the field and the value
└── Fatal            this process cannot go on; its exit code says why
"""

from __future__ import annotations

from router.reasons import Reason

MAX_SHOWN = 80  # characters of a foreign value that an error repeats


class RouterError(Exception):
    """Base of every error the router raises on purpose. Messages say what to do next."""


class Recoverable(RouterError):
    """This item failed; the process goes on with the next one."""


class Fatal(RouterError):
    """This process cannot go on."""


class FieldError(Recoverable):
    """A value from outside is wrong. `field` is a dotted path, `value` a short text of what was there."""

    def __init__(self, field: str, value: object, problem: str, reason: Reason = Reason.BAD_FIELD) -> None:
        self.reason = reason
        self.field = field
        self.value = repr(value)[:MAX_SHOWN]
        self.problem = problem
        super().__init__(f"{field} = {self.value}: {problem}")
