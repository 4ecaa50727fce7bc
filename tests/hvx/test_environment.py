"""Settings are read from the environment as what they are meant for, or named in a sentence."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from hvx import environment

NAME = "HVX_TEST_SETTING"


def test_what_is_not_set_is_as_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    assert environment.text(NAME, "some") == "some"
    assert environment.number(NAME, 8) == 8
    assert environment.switch(NAME, True) is True
    assert environment.items(NAME, ["one"]) == ["one"]


def test_a_text_is_what_stands_there_even_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "")
    assert environment.text(NAME, "some") == ""
    monkeypatch.setenv(NAME, " a, b ")
    assert environment.text(NAME, "some") == " a, b "


@pytest.mark.parametrize(("written", "number"), [("8", 8), ("-1", -1), (" 12 ", 12), ("0", 0)])
def test_a_number_is_whole(monkeypatch: pytest.MonkeyPatch, written: str, number: int) -> None:
    monkeypatch.setenv(NAME, written)
    assert environment.number(NAME, 5) == number


@pytest.mark.parametrize("written", ["", "x", "1.5", "1e3", "0x10", "eight"])
def test_what_is_no_number_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv(NAME, written)
    with pytest.raises(ImproperlyConfigured, match=f"{NAME} is no whole number"):
        environment.number(NAME, 5)


@pytest.mark.parametrize("written", ["1", "on", "On", "t", "true", "TRUE", "y", "yes", "Yes"])
def test_words_switch_on(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv(NAME, written)
    assert environment.switch(NAME, False) is True


@pytest.mark.parametrize("written", ["0", "off", "OFF", "f", "false", "False", "n", "no"])
def test_words_switch_off(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv(NAME, written)
    assert environment.switch(NAME, True) is False


@pytest.mark.parametrize("written", ["", "maybe", "2", " on", "ja"])
def test_what_says_neither_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv(NAME, written)
    with pytest.raises(ImproperlyConfigured, match=f"{NAME} is neither on nor off"):
        environment.switch(NAME, True)


def test_items_stand_between_delimiters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "one,two three")
    assert environment.items(NAME, []) == ["one", "two three"]
    assert environment.items(NAME, [], "|") == ["one,two three"]
    monkeypatch.setenv(NAME, "")
    assert environment.items(NAME, ["one"]) == []
