"""What the command line cannot make sense of."""

from __future__ import annotations


class Misused(Exception):
    """An argument that means nothing: names it, its value, and what would do. Exit code 2."""
