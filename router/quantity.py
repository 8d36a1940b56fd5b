"""Quantities of shares and contracts: IB tells them as decimals, some positions have a fraction, orders never do."""

from __future__ import annotations

import math

EPSILON = 1e-6  # shares or contracts; below it two quantities are the same


def orderable(quantity: float) -> int:
    """What an order can close or protect of a quantity (not negative): never more, or the rest would turn round."""
    return math.floor(quantity + EPSILON)
