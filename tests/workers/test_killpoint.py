"""Kill points: nothing where nothing is armed, SIGKILL at the armed place, one between any two effects of the submit path."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest

from tests.helpers import PROJECT
from workers.killpoint import POINTS, VARIABLE, kill_point

PASSING = "from workers.killpoint import kill_point\nfor _ in range(2): kill_point('gateway.write.leg')\nprint('alive')"

# What another process can notice: a write, a send, a reply; and every await, where anything can happen meanwhile.
EFFECTS = {"send", "publish", "reply", "collect", "read_gates", "answer", "place"} | {
    f"_{name}" for name in ("ask_gateway", "durable", "publish", "reply", "sink")
}
POINT = {"kill_point", "point"}  # the second where a caller says which
SUBMIT_PATH = {"sizing.py", "submission.py", "gateway/commands.py", "gateway/contracts.py"}
ELSEWHERE = {  # functions of these files in which no point is needed, and why
    "_ask_gateway": "its callers have one on both sides",
    "_find_sent": "a reply comes before it, with a point, and another one after it",
    "_publish": "its callers have one on both sides",
    "_tell": "an entry that rests too long is on no signal's way",
    "_send_cancel": "an entry that rests too long is on no signal's way",
    "_on_events": "what a person is told beside the way",
    "_cancel_all": "an operator's",
    "_cancel_all.written": "an operator's",
    "_bands": "its caller has one on both sides",
    "_prewarm": "nobody waits for what is looked up beforehand",
    "handle": "hands a command on",
    "_send_again": "calls the next one",
    "_resend.told": "killed before it, the next recovery finds the same bracket in doubt",
}


def passing(armed: str) -> subprocess.CompletedProcess[str]:
    """A process that comes to a kill point twice."""
    env = {VARIABLE: armed, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-c", PASSING]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_the_list_is_what_the_code_has() -> None:
    """A storm over the list is a storm over every kill point there is."""
    sources = [
        path.read_text() for path in (PROJECT / "workers").rglob("*.py") if path.name != "killpoint.py"
    ]
    used = re.findall(r'(?:kill_)?point\("([a-z_.]+)"\)', "\n".join(sources))
    assert sorted(used) == sorted(POINTS)


def test_nothing_is_armed_here() -> None:
    """Without the variable a kill point is passed."""
    kill_point("gateway.write.leg")


@pytest.mark.parametrize(
    ("armed", "code", "said"),
    [
        ("", 0, "alive\n"),
        ("gateway.write.leg", -9, ""),
        ("gateway.write.leg:2", -9, ""),
        ("gateway.write.leg:3", 0, "alive\n"),
        ("gateway.write.before", 0, "alive\n"),
    ],
)
def test_it_kills_where_and_when_it_is_told(armed: str, code: int, said: str) -> None:
    """At the named place, at the time counted, and nowhere else."""
    done = passing(armed)
    assert (done.returncode, done.stdout) == (code, said)


def test_an_unknown_place_is_refused() -> None:
    """A storm must not wait for a place that is never reached."""
    done = passing("gateway.wirte.leg")
    assert done.returncode == 1
    assert "no such kill point" in done.stderr


def effects_of(function: ast.AST) -> list[tuple[int, str]]:
    """Line and name of each effect and kill point of a function, in order; those of functions in it are their own."""
    found: list[tuple[int, str]] = []
    pending = list(ast.iter_child_nodes(function))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        pending += ast.iter_child_nodes(node)
        if isinstance(node, ast.Await):
            found.append((node.lineno, f"await {name_of(node.value)}"))
        elif isinstance(node, ast.Call) and name_of(node) in EFFECTS | POINT:
            found.append((node.lineno, "kill_point" if name_of(node) in POINT else name_of(node)))
    return sorted(found)


def name_of(node: ast.AST) -> str:
    """The last name of what is called."""
    called = node.func if isinstance(node, ast.Call) else node
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def functions_of(tree: ast.AST, prefix: str = "") -> list[tuple[str, ast.AST]]:
    """Every function by its name, those in others after the other's name."""
    found: list[tuple[str, ast.AST]] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found += [(prefix + node.name, node), *functions_of(node, f"{prefix}{node.name}.")]
        else:
            found += functions_of(node, prefix)
    return found


@pytest.mark.parametrize("name", sorted(SUBMIT_PATH))
def test_no_effect_of_the_submit_path_is_without_a_point_on_both_sides(name: str) -> None:
    """Between any two awaits, writes or replies a process can be killed, and before the first and after the last."""
    tree = ast.parse((PROJECT / "workers" / name).read_text())
    functions = dict(functions_of(tree))
    checked = {function for function in functions if function not in ELSEWHERE}
    bare, effects = [], 0
    for function in checked:
        before = False
        sequence = [
            (line, what)
            for line, what in effects_of(functions[function])
            if what.removeprefix("await ") not in checked or not what.startswith("await ")
        ]
        for line, what in [*sequence, (0, "end")]:
            if what == "kill_point":
                before = True
            elif not before and (what != "end" or any(w != "kill_point" for _, w in sequence)):
                bare.append(f"{function}, line {line}: {what}")
            else:
                effects += what != "end"
                before = False
    assert bare == []
    assert effects >= 4


def test_a_point_that_is_not_armed_costs_nothing_to_speak_of() -> None:
    """A call of an empty function: 44 ns when it was measured; some fifty on the way of an order are 2 microseconds."""
    code = "from timeit import repeat; from workers.killpoint import kill_point as k; print(min(repeat(lambda: k('x'), number=10**5, repeat=5)))"
    env = {"PYTHONPATH": str(PROJECT)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert float(done.stdout) / 10**5 < 2e-6
