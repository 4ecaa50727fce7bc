"""What is decided about hosts at the administration: one by one, and by lists."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from activitypub.models import HostPolicy, RemoteActor
from activitypub.services import moderation
from audit.events import Event
from audit.queries import found
from tests.desk import Desk, said, text

ADD = "/admin/activitypub/hostpolicy/add/"
LISTS = "/admin/federation/blocklist/"
LIST = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\n"


def decide(desk: Desk, **typed: str) -> Any:
    desk.get(ADD)
    return desk.post(ADD, {"severity": "noop", **typed})


def listed(text_of_list: str | bytes) -> dict[str, Any]:
    body = text_of_list.encode() if isinstance(text_of_list, str) else text_of_list
    return {"file": SimpleUploadedFile("list.csv", body, "text/csv")}


@pytest.mark.parametrize(
    "typed",
    [
        {"host": "https://near.example"},
        {"host": "near.example:8443"},
        {"host": "near"},
        {"host": ""},
        {"host": "localhost"},
        {"host": "near.example", "severity": "destroy"},
        {"host": "near.example", "public_comment": "a" * 2001},
    ],
)
def test_what_cannot_be_decided_is_said_in_the_form(desk: Desk, typed: dict[str, str]) -> None:
    answer = decide(desk, **typed)
    assert answer.status_code == 200
    assert 'class="errorlist"' in text(answer)
    assert not HostPolicy.objects.exists()


def test_this_server_is_not_to_be_suspended(desk: Desk, settings: Any) -> None:
    settings.HVX_HOST = "social.here.example:8443"
    for host in ("social.here.example", "here.example"):
        assert "This server itself is there." in text(decide(desk, host=host, severity="suspend"))
    assert not HostPolicy.objects.exists()
    desk.get(LISTS)
    body = "social.here.example\nhere.example\nthere.example\nere.example\n"
    assert "decided about 2 hosts" in text(desk.post(LISTS, listed(body)))
    desk.post(LISTS, {"text": body, "take": "1"})
    assert {policy.host for policy in HostPolicy.objects.all()} == {"there.example", "ere.example"}


def test_a_host_is_suspended_and_shown_again(desk: Desk, bob: RemoteActor) -> None:
    answer = decide(desk, host="Near.example", severity="suspend", public_comment="Spam", reject_media="on")
    policy = HostPolicy.objects.get()
    assert answer["Location"] == f"/admin/activitypub/hostpolicy/{policy.pk}/"
    page = desk.get(answer["Location"])
    assert said(page) == "Decided about near.example: suspended, no media."
    assert RemoteActor.objects.filter(pk=bob.pk, suspended_at=None).count() == 0
    assert found(operator="ida", event=Event.HOST_POLICY_SET, subject="near.example").count() == 1
    told = desk.act(f"/admin/activitypub/hostpolicy/{policy.pk}/do/lift/")
    assert told == "Nothing is decided about near.example any more."
    assert RemoteActor.objects.filter(pk=bob.pk, suspended_at=None).count() == 1
    assert found(operator="ida", event=Event.HOST_POLICY_LIFTED).count() == 1


def test_the_form_begins_with_what_is_decided_and_what_is_unticked_ends(desk: Desk) -> None:
    moderation.decide("near.example", severity="silence", reject_media=True, private_comment="watch them")
    page = text(desk.get(f"{ADD}?host=near.example:8443"))
    assert 'value="near.example"' in page
    assert "watch them" in page
    decide(desk, host="near.example", severity="silence")
    policy = HostPolicy.objects.get()
    assert (policy.severity, policy.reject_media, policy.private_comment) == ("silence", False, "")


# --- Lists -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "#domain\nnear.example\nno host\n",
        b"\xff\xfe",
        "",
        "   \n",
        LIST + "near.example,destroy,,,,\n",
        "a" * 1_000_001,
    ],
)
def test_a_list_with_a_fault_is_not_taken(desk: Desk, body: str | bytes) -> None:
    desk.get(LISTS)
    for more in ({}, {"take": "1"}):
        answer = desk.post(LISTS, {**listed(body), **more})
        assert answer.status_code == 200
        assert "errornote" in text(answer) or "errorlist" in text(answer)
    assert not HostPolicy.objects.exists()


def test_a_list_is_tried_first_and_changes_nothing(desk: Desk) -> None:
    moderation.decide("known.example", severity="silence")
    desk.get(LISTS)
    body = (
        LIST
        + 'near.example,suspend,true,false,"<b>Spam</b>",false\n'
        + "known.example,suspend,,,,\nhi*.example,suspend,,,,\n"
    )
    page = text(desk.post(LISTS, listed(body)))
    assert "something would be decided about 1 host" in page
    assert "left as they are: 1" in page
    assert "nothing is made: 1" in page
    assert "<b>Spam" not in page
    assert HostPolicy.objects.count() == 1
    assert not found(event=Event.BLOCKLIST_IMPORTED).exists()
    answer = desk.post(LISTS, {"text": body, "take": "Decide as the list says"})
    assert said(desk.get(answer["Location"])) == "1 of 2 hosts are decided now; the others were before."
    assert HostPolicy.objects.get(host="near.example").reject_media
    assert HostPolicy.objects.get(host="known.example").severity == "silence"
    assert found(operator="ida", event=Event.BLOCKLIST_IMPORTED).count() == 1


def test_what_is_decided_goes_out_as_a_list_that_comes_in_again(desk: Desk) -> None:
    moderation.decide("near.example", severity="suspend", private_comment="not for others")
    moderation.decide("let-in.example", allowed=True)
    answer = desk.get("/admin/federation/blocklist.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    assert text(answer) == LIST + "near.example,suspend,false,false,,false\n"
