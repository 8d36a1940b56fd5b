"""Taking a statement of a scenario apart, word by word. Pure."""

import re

_LONGEST = 1_000_000  # seconds


class Words:
    """The words of a statement that are not read yet. Each method raises ValueError, naming the word it stumbles on."""

    def __init__(self, words: list[str]) -> None:
        self.left = words

    def take(self, what: str) -> str:
        """The next word; `what` says what it should be."""
        if not self.left:
            raise ValueError(f"{what} is missing")
        return self.left.pop(0)

    def take_if(self, word: str) -> bool:
        """Whether the next word is this one; it is taken then."""
        if self.left and self.left[0] == word:
            self.left.pop(0)
            return True
        return False

    def expect(self, word: str) -> None:
        """Take a word that must be there."""
        if not self.take_if(word):
            raise ValueError(f"{word!r} is missing before {' '.join(self.left) or 'the end'!r}")

    def whole(self, what: str) -> int:
        """The next word as a number without sign and fraction."""
        text = self.take(what)
        if not re.fullmatch(r"\d{1,9}", text):
            raise ValueError(f"{what} {text!r} is not a whole number")
        return int(text)

    def seconds(self, what: str = "seconds") -> float:
        """The next word as a time, seconds."""
        text = self.take(what)
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1
        if not 0 <= seconds <= _LONGEST:
            raise ValueError(f"{what} {text!r} is not a number of seconds from 0 to {_LONGEST}")
        return seconds

    def whole_after(self, word: str, default: int) -> int:
        """The number after a word that may be missing."""
        return self.whole(f"what comes after {word!r}") if self.take_if(word) else default

    def option(self, word: str) -> str | None:
        """The word after a word that may be missing."""
        return self.take(f"what comes after {word!r}") if self.take_if(word) else None

    def end(self) -> None:
        """Nothing may be left."""
        if self.left:
            raise ValueError(f"{' '.join(self.left)!r} is too much")
