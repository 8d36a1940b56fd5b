"""The one error of configuration. `router.errors` takes it into the project's tree as fatal (exit code 78)."""

from __future__ import annotations


class ConfigError(Exception):
    """The configuration cannot be used; `problems` has one sentence for each thing to mend."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        more = f" (and {len(problems) - 1} more: see `router config check`)" if len(problems) > 1 else ""
        super().__init__(problems[0] + more)
