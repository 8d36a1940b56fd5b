"""The garbage collector, kept away from what lives as long as the process."""

from __future__ import annotations

import gc


def settle() -> None:
    """Call once what a process starts with is made: modules, settings, recovered state.

    A full collection looks at every container there is, and the gateway's imports alone make 56,000: 30 ms and more
    in which nothing is read or published, sooner or later in the middle of a storm. From here on it looks only at
    what came after.
    """
    gc.collect()
    gc.freeze()
