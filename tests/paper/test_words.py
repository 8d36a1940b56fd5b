"""Words of a statement, one after the other."""

import pytest

from paper.words import Words


def test_words_are_taken_in_their_order() -> None:
    """Plain, optional, expected, as numbers and as times; then there are none left."""
    words = Words(["drop", "maybe", "3", "by", "0.5", "skip", "7", "after", "x"])
    assert words.take("verb") == "drop"
    assert not words.take_if("sure")
    assert words.take_if("maybe")
    assert words.whole("count") == 3
    words.expect("by")
    assert words.seconds() == 0.5
    assert (words.whole_after("skip", 1), words.whole_after("skip", 1)) == (7, 1)
    assert (words.option("after"), words.option("after")) == ("x", None)
    words.end()


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "1e3", "1234567890", "٣٣x"])
def test_what_is_no_whole_number(text: str) -> None:
    """Signs, fractions, exponents, ten digits and letters."""
    with pytest.raises(ValueError, match=r"count .* is not a whole number"):
        Words([text]).whole("count")


@pytest.mark.parametrize("text", ["x", "-0.1", "nan", "inf", "1000001"])
def test_what_is_no_time(text: str) -> None:
    """Words, what is before now, what is not finite, and more than the longest."""
    with pytest.raises(ValueError, match="is not a number of seconds from 0 to 1000000"):
        Words([text]).seconds()


def test_what_is_missing_or_too_much() -> None:
    """Each says which word."""
    with pytest.raises(ValueError, match="message is missing"):
        Words([]).take("message")
    with pytest.raises(ValueError, match="'by' is missing before '5 6'"):
        Words(["5", "6"]).expect("by")
    with pytest.raises(ValueError, match="'a b' is too much"):
        Words(["a", "b"]).end()
