"""Lines in the output of a test run that say what was played, not only that it passed."""

import sys
from contextlib import nullcontext

import pytest


def announce(config: pytest.Config, text: str) -> None:
    """Print a line even while output is captured."""
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        sys.stdout.write(f"\n{text}\n")
