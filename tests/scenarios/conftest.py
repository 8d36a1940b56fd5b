"""One stack for all scenarios of an order's life: starting it costs more than any of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.stack import Stack


@pytest.fixture(scope="package")
def _stack() -> Iterator[Stack]:
    root = Path(tempfile.mkdtemp(prefix="o", dir="/tmp"))
    made = Stack(root)
    with made:
        yield made
    shutil.rmtree(root)


@pytest.fixture
def stack(_stack: Stack) -> Iterator[Stack]:
    """The stack, flat; afterwards no orderRef has had two orders."""
    yield _stack
    assert _stack.orders_per_ref() <= 1
    _stack.flat()
