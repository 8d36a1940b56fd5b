"""The statements of a scenario that move market, clock or orders, as words for the controls.

move SPY 441.5        quote SPY 441 442 [last 441.5] [size 100]       release SPY
path SPY gap 430 5    halt SPY    resume SPY    advance 3600 [step 60]
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from paper.controls import ControlError, Controls
from paper.scenario import ScriptError

_Words = list[str]


def use_hand(controls: Controls, words: tuple[str, ...]) -> object:
    """Do what the words say. Returns what is to be told of it; raises ScriptError."""
    verb, left = words[0], list(words[1:])
    do = _HANDS.get(verb)
    if do is None:
        raise ScriptError(
            f"{verb!r} is no statement; there are {', '.join(sorted(_HANDS))} and those of faults"
        )
    try:
        told = do(controls, left)
    except (ControlError, ValueError, InvalidOperation, IndexError) as error:
        raise ScriptError(f"{' '.join(words)!r}: {error or 'not a number'}") from None
    if left:
        raise ScriptError(f"{' '.join(words)!r}: {' '.join(left)!r} is too much")
    return told


def _next(left: _Words) -> str:
    if not left:
        raise ValueError("the last word is missing")
    return left.pop(0)


def _price(left: _Words) -> Decimal:
    text = _next(left)
    price = Decimal(text)
    if not price.is_finite():
        raise ValueError(f"{text!r} is not a price")
    return price


def _option(left: _Words, word: str) -> str | None:
    if word not in left[::2]:
        return None
    at = left.index(word)
    _, value = left.pop(at), left.pop(at)
    return value


def _move(controls: Controls, left: _Words) -> None:
    controls.move(_next(left), _price(left))


def _quote(controls: Controls, left: _Words) -> None:
    name, bid, ask = _next(left), _price(left), _price(left)
    last, size = _option(left, "last"), _option(left, "size")
    controls.quote(name, bid, ask, Decimal(last) if last else None, int(size) if size else None)


def _path(controls: Controls, left: _Words) -> None:
    controls.path(_next(left), _next(left), _price(left), float(_next(left)))


def _advance(controls: Controls, left: _Words) -> None:
    seconds = float(_next(left))
    controls.advance(seconds, float(_option(left, "step") or 1))


_HANDS: dict[str, Callable[[Controls, _Words], object]] = {
    "move": _move,
    "quote": _quote,
    "release": lambda controls, left: controls.release(_next(left)),
    "path": _path,
    "halt": lambda controls, left: controls.halt(_next(left)),
    "resume": lambda controls, left: controls.resume(_next(left)),
    "advance": _advance,
}
