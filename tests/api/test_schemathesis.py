"""Any call with any body: no 500, and every answer of the shape that the OpenAPI document promises.

Each generated case goes with a real token and a real proof of its device's key, so that it gets past
authentication; half of them name a device and an account that there are.
"""

from typing import Any

import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from devices.models import Device, DeviceState
from hvx.wsgi import application
from tests.api.operations import document
from tests.people import Handset, Person


def within_the_test(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """The application, which here may not close the connection that the test rolls back."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        answer = application(environ, start_response)
        body = b"".join(answer)
        answer.close()
        return [body]
    finally:
        for signal in signals:
            signal.connect(close_old_connections)


schema: Any = schemathesis.openapi.from_dict(document())
schema.app = within_the_test

WANT_OF_PROOF = ("invalid_dpop_proof", "use_dpop_nonce", "not_authenticated", "invalid_token")


def a_living_device(person: Person) -> Handset:
    """A case may have ended the device that made the last one, or sent it back to pending."""
    if not Device.objects.filter(hash=person.handset.hash, state=DeviceState.ACTIVE).exists():
        person.handset = person.new_handset()
        person.handset.log_in().expect(200)
        person.handset.activate().expect(200)
    return person.handset


def proven(case: Any, handset: Handset) -> dict[str, str]:
    """Token and proof for the case, which every other time names a device or account that there is."""
    known = {"device": handset.hash, "username": handset.person.username}
    for name in known.keys() & case.path_parameters.keys():
        if len(str(case.path_parameters[name])) % 2:
            case.path_parameters[name] = known[name]
    handset.call("GET", "instance")  # for the nonce
    return {
        "Authorization": f"Bearer {handset.token}",
        "DPoP": handset.proof(case.method, case.formatted_path),
    }


def refusals_are_problems(context: Any, response: Any, case: Any) -> None:
    """Every refusal is a problem document with a code.

    None is for want of a token or a proof, but where the case left one out on purpose.
    """
    if response.status_code < 400:
        return
    problem = response.json()
    assert problem.keys() >= {"type", "title", "status", "detail", "code"}, problem
    assert problem["status"] == response.status_code
    if {"Authorization", "DPoP"} <= dict(response.request.headers).keys():
        assert problem["code"] not in WANT_OF_PROOF


@schema.parametrize()
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_no_call_fails_and_every_answer_is_as_promised(case: Any, person: Person) -> None:
    case.call_and_validate(
        headers=proven(case, a_living_device(person)),
        checks=[
            not_a_server_error,
            content_type_conformance,
            response_schema_conformance,
            refusals_are_problems,
        ],
    )
