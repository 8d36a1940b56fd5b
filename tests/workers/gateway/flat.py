"""An account with orders: what the tests of the desk share."""

from __future__ import annotations

HELD = 7
