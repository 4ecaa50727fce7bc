"""What `hvx passwd` says stays good under a new password."""

import pytest

from client.cli.passwords import what_stays


@pytest.mark.parametrize(
    ("warnings", "said"),
    [
        ([], []),
        (["other_devices_stay_signed_in"], ["Your other devices stay logged in"]),
        (["passkeys_stay"], ["Your passkeys still log in"]),
        (["access_keys_stay"], ["Your access keys stay in force"]),
        (["access_keys_stay", "passkeys_stay"], ["Your passkeys still", "Your access keys"]),
        (["something_new", 7, None, ["passkeys_stay"]], []),
    ],
)
def test_each_warning_of_the_server_is_a_sentence(warnings: list[object], said: list[str]) -> None:
    told = what_stays({"warnings": warnings, "devices": []})
    assert len(told) == len(said)
    assert all(sentence.startswith(start) for sentence, start in zip(told, said, strict=True))


@pytest.mark.parametrize(
    "answer", [None, [], "passkeys_stay", {}, {"warnings": None}, {"warnings": "passkeys_stay"}]
)
def test_an_answer_of_another_form_says_nothing(answer: object) -> None:
    assert what_stays(answer) == []
