"""The two kinds of kill: at every named point, and at random."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from tests.storm.stage import AROUND, ROLES, Stage
from workers.killpoint import GATEWAY, POINTS, RECOVERY, SIZING, SUBMISSION

HIT_S = 8.0  # for an armed process to come to its point
ATTEMPTS = 50  # to have it die of this signal, where earlier ones bring it to the same point
ACK_S = 45.0  # for a signal to reach its end
AROUND_P = 0.08  # of a process round the order's way to be killed too, and of Redis among those a half
FLAT_EVERY = 50  # kills after which everything is closed, so that money never runs out
PROGRESS_S = 60.0
ROLE_OF = {
    **dict.fromkeys(SIZING, "sizing"),
    **dict.fromkeys(SUBMISSION, "submission"),
    **dict.fromkeys(GATEWAY, "gateway"),
    **{point: point.partition(".")[0] for point in RECOVERY},
}
# what has to happen before a point of the recovery can be reached: another process, or this one, died there
BEFORE = {
    "submission.refused.before": "gateway.place",  # and the gateway stays dead until the signal is stale
    "submission.refused.after": "gateway.place",
    "sizing.find.before": "sizing.received.after",
    "sizing.find.after": "sizing.received.after",
    "sizing.found": "sizing.received.after",
    "gateway.find": "sizing.received.after",
    "gateway.recover.begun": "gateway.intent.after",
    "gateway.recover.settled": "gateway.intent.after",
    "gateway.recover.asked": "gateway.intent.after",
    "gateway.recover.decided": "gateway.intent.after",
    "gateway.resolved.before": "gateway.intent.after",
    "gateway.resolved.after": "gateway.intent.after",
}
# points that only a signal of another kind comes to
KIND_OF = {
    "sizing.refused.before": "dry_run",
    "sizing.refused.after": "dry_run",
    "submission.refused.before": "old",
    "submission.refused.after": "old",
    "gateway.nearest.before": "unlisted",
    "gateway.nearest.after": "unlisted",
}


class Trial(NamedTuple):
    """A kill at a point. `second` is where the same process dies again while it recovers."""

    point: str
    targets: int = 1
    second: str = ""


def every_trial() -> list[Trial]:
    """Each point for one pair and for three, and each point of an order's way followed by a crash in recovery."""
    single = [Trial(point, targets) for targets in (1, 3) for point in POINTS]
    seconds = {"sizing": "sizing.find.after", "gateway": "gateway.recover.asked"}
    twice = [
        Trial(point, 1, seconds[role])
        for point, role in ROLE_OF.items()
        if role in seconds and point not in RECOVERY
    ]
    return single + twice


class Tally:
    """What was done: kills, the points hit, seconds from a gateway's kill to READY."""

    def __init__(self) -> None:
        self.kills = 0
        self.killed: Counter[str] = Counter()  # by role
        self.hit: set[str] = set()
        self.missed: list[str] = []  # trials, and who did not come to its point
        self.ready_s: list[float] = []
        self._told_s = time.monotonic()

    def count(self, role: str) -> None:
        """One more kill; says each minute how far it is."""
        self.kills += 1
        self.killed[role] += 1
        now_s = time.monotonic()
        if now_s - self._told_s > PROGRESS_S:
            self._told_s = now_s
            sys.stdout.write(f"  {self.kills} kills on this stack so far: {dict(self.killed)}\n")
            sys.stdout.flush()


def at_points(stage: Stage, tally: Tally, trials: Iterable[Trial]) -> None:
    """Kill at each point once while a signal is on its way; each signal must then come to its end."""
    for trial in trials:
        first = BEFORE.get(trial.point, "")
        role = ROLE_OF[trial.point]
        if KIND_OF.get(trial.point) == "old":
            stage.await_idle()
        if (
            first and ROLE_OF[first] != role
        ):  # the one that dies first is another: this one is armed beforehand
            rearm(stage, role, trial.point)
            _await_ready_or_dead(stage, role, trial)
            _die(stage, ROLE_OF[first], first, "", trial, tally)
            _await_hit(stage, role, trial, tally)
        elif first:
            _die(stage, role, first, trial.point, trial, tally)
            _await_hit(stage, role, trial, tally)
        else:
            _die(stage, role, trial.point, trial.second, trial, tally)
            if trial.second:
                _settle_second(stage, role, tally)
        if role == "gateway":
            tally.ready_s.append(stage.await_ready())
        _await_end(stage, stage.sent[-1], trial)


def _await_end(stage: Stage, signal_id: str, trial: Trial) -> None:
    """Until the signal's end is told; what ends by itself meanwhile is started again, as supervisord does."""

    def ended() -> bool:
        stage.revive()
        return stage.ack(signal_id) is not None

    stage.await_true(ended, f"an ack of {signal_id} after {trial}", ACK_S)


def rearm(stage: Stage, role: str, point: str) -> None:
    """Replace a process by one that dies at a point."""
    stage.kill(role)
    stage.start(role, point)


def _await_ready_or_dead(stage: Stage, role: str, trial: Trial) -> None:
    """Whatever else goes on may bring it to its point before the signal does: what IB says, the guard's work."""
    pid = stage.pid(role)
    stage.await_true(lambda: stage.has_ended(pid) or stage.holdings() is not None, f"READY or dead, {trial}")


def _die(stage: Stage, role: str, point: str, again: str, trial: Trial, tally: Tally) -> None:
    """Arm a process, send a signal, and when it has died start it anew, armed with `again`."""
    rearm(stage, role, point)
    pid = stage.pid(role)
    _await_ready_or_dead(stage, role, trial)
    kind = KIND_OF.get(trial.point, "")
    if kind == "old":
        hit = _dies_of_an_old_one(stage, role, point, trial.targets)
    else:
        stage.send(targets=trial.targets, kind=kind)
        hit = _hits(stage, pid)
    if hit:
        tally.count(role)
        tally.hit.add(point)
    else:
        tally.missed.append(f"{trial}: {role} did not come to {point}")
        stage.kill(role)
    if kind == "old":
        stage.await_stale()
    stage.start(role, again)


def _dies_of_an_old_one(stage: Stage, role: str, point: str, targets: int) -> bool:
    """Whether the process died with an old signal on its way to it, that nobody had refused yet.

    The signal has seconds to be sized in, and where the gateway has no quotes yet it is refused for that: then another
    is sent, until one is handed on.
    """
    signal_id = stage.send(targets=targets, kind="old")
    for _ in range(ATTEMPTS):
        pid = stage.pid(role)
        deadline = time.monotonic() + HIT_S
        while not stage.has_ended(pid) and stage.ack(signal_id) is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        if stage.ack(signal_id) is not None:
            signal_id = stage.send(targets=targets, kind="old")
        elif stage.was_sized(signal_id):
            return stage.died_of_kill(pid)
        if stage.has_ended(pid):
            stage.start(role, point)
    return False


def _await_hit(stage: Stage, role: str, trial: Trial, tally: Tally) -> None:
    if _hits(stage, stage.pid(role)):
        tally.count(role)
        tally.hit.add(trial.point)
        stage.start(role)
    else:
        tally.missed.append(f"{trial}: {role} did not come to {trial.point}")
        rearm(stage, role, "")


def _settle_second(stage: Stage, role: str, tally: Tally) -> None:
    """The second crash happens only where the first left something to recover."""
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline and not stage.has_ended(stage.pid(role)):
        time.sleep(0.01)
    if stage.has_ended(stage.pid(role)):
        tally.count(role)
        stage.start(role)
    else:
        rearm(stage, role, "")


def _hits(stage: Stage, pid: int) -> bool:
    deadline = time.monotonic() + HIT_S
    while time.monotonic() < deadline:
        if stage.has_ended(pid):
            return stage.died_of_kill(pid)
        time.sleep(0.002)
    return False


def at_random(stage: Stage, tally: Tally, *, kills: int, seed: int) -> None:
    """Signals come in bunches; any of the processes die at any moment, alone or together."""
    chance = random.Random(seed)
    begun, flat = tally.kills, 0
    while tally.kills - begun < kills:
        stage.revive()
        for _ in range(chance.randint(0, 2)):
            stage.send(targets=chance.choice((1, 1, 3)))
        time.sleep(chance.expovariate(1 / 0.08))
        victims = draw(chance)
        for role in victims:
            stage.kill(role)
            tally.count(role)
        for role in victims:
            stage.start(role)
        if "gateway" in victims and chance.random() < 0.7:  # else it is killed again before it is READY
            tally.ready_s.append(stage.await_ready())
        if (tally.kills - begun) // FLAT_EVERY != flat:
            flat = (tally.kills - begun) // FLAT_EVERY
            stage.await_ready()
            if flat % 2:  # the other times it takes signals on their way with it
                stage.await_idle()
            stage.flatten()
    settle(stage)


def draw(chance: random.Random) -> list[str]:
    """Who dies together: one, two or all three on the order's way; now and then one round it, alone or with them."""
    victims = chance.sample(ROLES, chance.choice((1, 1, 1, 2, 3)))
    if chance.random() < AROUND_P:
        victims = [*(victims if chance.random() < 0.5 else ()), chance.choice(AROUND)]
    return victims


def settle(stage: Stage) -> None:
    """Give every signal the time to come to its end."""
    stage.revive()
    stage.await_ready()
    waiting = set(stage.sent)
    deadline = time.monotonic() + ACK_S
    while waiting and time.monotonic() < deadline:
        stage.revive()
        waiting = {signal_id for signal_id in waiting if stage.ack(signal_id) is None}
        time.sleep(0.05)
