"""Signing in to the administration, and how long that lasts."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import throttle
from accounts.models import Operator, OperatorSession
from accounts.operator_sessions import IDLE, LONGEST
from audit.events import Event
from audit.models import AuditRow
from audit.queries import found
from tests.desk import Desk, text
from tests.people import Person


def operator(*arguments: str, typed: str = "", monkeypatch: pytest.MonkeyPatch | None = None) -> str:
    if monkeypatch is not None:
        monkeypatch.setattr("sys.stdin", StringIO(typed))
    shown = StringIO()
    call_command("operator", *arguments, stdout=shown)
    return shown.getvalue()


def events() -> list[str]:
    return list(AuditRow.objects.order_by("at").values_list("event", flat=True))


# --- Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "password"), [("ida", "wrong password here"), ("nobody", None), ("", None)])
def test_a_wrong_name_or_password_begins_no_session(stranger: Desk, name: str, password: str | None) -> None:
    stranger.hire()
    answer = stranger.sign_in(name, password)
    assert answer.status_code in (200, 401)
    assert "hvx-operator" not in answer.cookies
    assert not OperatorSession.objects.exists()
    assert stranger.get("/admin/federation/").status_code == 302


def test_a_wrong_name_and_a_wrong_password_look_alike_and_stand_in_the_audit(stranger: Desk) -> None:
    stranger.hire()
    pages = [text(stranger.sign_in(name, "wrong password here")) for name in ("ida", "nobody")]
    assert len({page.replace(stranger.token, "") for page in pages}) <= 2
    assert all("Name or password is wrong." in page for page in pages)
    rows = AuditRow.objects.filter(event=Event.LOGIN_REFUSED)
    assert {row.details for row in rows} == {'{"kind":"operator"}'}
    assert found(subject="nobody").count() == 1


def test_an_account_is_no_operator(person: Person, stranger: Desk) -> None:
    assert stranger.sign_in(person.username, person.password).status_code == 401


def test_who_guesses_too_often_has_to_wait_even_with_the_right_password(stranger: Desk) -> None:
    stranger.hire()
    for _ in range(throttle.GUESSES_BY_NETWORK_AT_LOGIN.most):
        assert stranger.sign_in(password="wrong password here").status_code == 401
    assert stranger.sign_in().status_code == 429
    assert events().count(Event.LOCKED_OUT) == 1
    elsewhere = Desk(password=stranger.password, address="192.0.2.9")
    assert elsewhere.sign_in().status_code == 302


def test_a_form_of_another_page_signs_nobody_in(stranger: Desk) -> None:
    stranger.hire().get("/admin/login/")
    typed = {"username": stranger.name, "password": stranger.password}
    for refused in (
        stranger.post("/admin/login/", typed, origin="https://evil.example"),
        stranger.post("/admin/login/", typed, token="a" * 32),
        stranger.client.post("/admin/login/", typed),
    ):
        assert refused.status_code == 403
    assert not OperatorSession.objects.exists()


@pytest.mark.parametrize(
    "asked", ["https://evil.example/", "//evil.example", "/api/hvx/v1/me", "/\\evil.example"]
)
def test_signing_in_leads_nowhere_else(stranger: Desk, asked: str) -> None:
    assert stranger.hire().sign_in(next=asked)["Location"] == "/admin/"


def test_a_session_that_was_planted_before_opens_nothing(stranger: Desk) -> None:
    stranger.hire()
    stranger.client.cookies["hvx-operator"] = "planted-before-it-was-signed-in"
    stranger.sign_in()
    drawn = stranger.client.cookies["hvx-operator"].value
    assert drawn != "planted-before-it-was-signed-in"
    planted = Desk()
    planted.client.cookies["hvx-operator"] = "planted-before-it-was-signed-in"
    assert planted.get("/admin/federation/").status_code == 302


# --- Taken -------------------------------------------------------------------------------------------


def test_an_operator_signs_in_and_goes_where_they_wanted(stranger: Desk) -> None:
    answer = stranger.hire().sign_in(next="/admin/federation/")
    assert answer["Location"] == "/admin/federation/"
    cookie: Any = answer.cookies["hvx-operator"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/admin/")
    assert not cookie["max-age"]
    assert cookie.value not in str(list(OperatorSession.objects.values()))
    assert stranger.get("/admin/federation/").status_code == 200
    assert found(operator="ida", event=Event.OPERATOR_SIGNED_IN).count() == 1


def test_signing_out_ends_the_session_for_good(desk: Desk) -> None:
    desk.get("/admin/federation/")
    kept = desk.client.cookies["hvx-operator"].value
    assert desk.post("/admin/logout/")["Location"] == "/admin/login/"
    desk.client.cookies["hvx-operator"] = kept
    assert desk.get("/admin/federation/").status_code == 302
    assert found(operator="ida", event=Event.OPERATOR_SIGNED_OUT).count() == 1


@pytest.mark.parametrize(
    ("column", "ago", "still"),
    [
        ("seen_at", IDLE - timedelta(minutes=1), True),
        ("seen_at", IDLE + timedelta(seconds=1), False),
        ("began_at", LONGEST + timedelta(seconds=1), False),
    ],
)
def test_a_session_ends_by_itself(desk: Desk, column: str, ago: timedelta, still: bool) -> None:
    OperatorSession.objects.update(**{column: timezone.now() - ago})
    assert desk.get("/admin/federation/").status_code == (200 if still else 302)
    if still:
        assert timezone.now() - OperatorSession.objects.get().seen_at < timedelta(minutes=1)


def test_another_password_and_an_end_as_operator_end_every_session(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator("password", "ida", "--stdin", typed="quite another one\n", monkeypatch=monkeypatch)
    assert desk.get("/admin/federation/").status_code == 302
    assert desk.sign_in().status_code == 401
    assert desk.sign_in(password="quite another one").status_code == 302
    operator("remove", "ida")
    assert desk.get("/admin/federation/").status_code == 302
    assert not Operator.objects.exists()
    assert {Event.OPERATOR_ADDED, Event.OPERATOR_PASSWORD_SET, Event.OPERATOR_REMOVED} <= {*events()}


@pytest.mark.parametrize(
    ("arguments", "typed"),
    [
        (("add", "ida"), "quite a good one\n"),
        (("add", "No Name"), "quite a good one\n"),
        (("add", "olaf"), "short\n"),
        (("add", "olaf"), "1234567890123456\n"),
        (("add", "olaf"), ""),
        (("password", "olaf"), "quite a good one\n"),
        (("remove", "olaf"), ""),
    ],
)
def test_an_operator_that_cannot_be_is_not_made(
    stranger: Desk, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], typed: str
) -> None:
    stranger.hire()
    with pytest.raises(CommandError):
        operator(*arguments, "--stdin", typed=typed, monkeypatch=monkeypatch)
    assert operator("list").startswith("ida, since ")
    assert Operator.objects.count() == 1


def test_cookies_are_kept_to_https_where_the_origin_is(settings: Settings, stranger: Desk) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    answer = stranger.hire().sign_in()
    assert answer.cookies["hvx-operator"]["secure"]
    assert answer.cookies["hvx-form"]["secure"]
