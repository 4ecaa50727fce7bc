"""Signature-Input and Signature, read strictly, and components that are what they say."""

from dataclasses import replace

import pytest

from activitypub.protocol.signatures import rfc9421
from activitypub.protocol.signatures.algorithms import Algorithm
from activitypub.protocol.signatures.components import MAX_COMPONENTS, MAX_QUERY_PARAMETERS, signature_base
from activitypub.protocol.signatures.messages import SignedRequest, SignedResponse
from activitypub.protocol.signatures.reasons import Reason, SignatureError
from activitypub.protocol.signatures.rfc9421 import MAX_SIGNATURES, MessageSignature, parse
from activitypub.protocol.signatures.structured_fields import MAX_CHARACTERS, parse_dictionary
from tests.activitypub.protocol.signatures.people import (
    KEY_ID,
    NOW,
    ed25519_key,
    get,
    p256_key,
    post,
    rsa_key,
    with_header,
)

INPUT = 'sig1=("@method" "@target-uri");created=1;keyid="k"'


def with_inputs(signature_input: str, signature: str = "sig1=:AAAA:") -> SignedRequest:
    return with_header(with_header(get(), "Signature-Input", signature_input), "Signature", signature)


def refusal(request: SignedRequest) -> Reason:
    """Why the one signature of a request is refused, in reading it or in building its base."""
    with pytest.raises(SignatureError) as refused:
        read_whole(request)
    return refused.value.reason


def read_whole(request: SignedRequest) -> None:
    for signature in parse(request):
        for name in ("key_id", "algorithm", "created", "expires"):
            getattr(signature, name)
        signature.base(request)


@pytest.mark.parametrize(
    ("signature_input", "signature"),
    [
        ("", "sig1=:AAAA:"),
        (INPUT, ""),
        (INPUT, "sig2=:AAAA:"),
        (INPUT, "sig1=:AAAA:, sig2=:AAAA:"),
        (f"{INPUT}, sig2=()", "sig1=:AAAA:"),
        (f"{INPUT}, {INPUT}", "sig1=:AAAA:"),
        (INPUT, "sig1=:AAAA:, sig1=:BBBB:"),
        (INPUT, "sig1=AAAA"),
        (INPUT, 'sig1="AAAA"'),
        (INPUT, "sig1=(:AAAA:)"),
        (INPUT, "sig1"),
        (INPUT, "sig1=:A:"),
        (INPUT, "sig1=:AA=A:"),
        (INPUT, "SIG1=:AAAA:"),
        (INPUT, "sig1=:AAAA:,"),
        ("sig1", "sig1=:AAAA:"),
        ('sig1="@method"', "sig1=:AAAA:"),
        ("sig1=(", "sig1=:AAAA:"),
        ('sig1=("@method" "@method")', "sig1=:AAAA:"),
        ('sig1=("@method")("@target-uri")', "sig1=:AAAA:"),
        ("sig1=(@1)", "sig1=:AAAA:"),
        ("sig1=(method)", "sig1=:AAAA:"),
        ("sig1=(1)", "sig1=:AAAA:"),
        ("sig1=(:AAAA:)", "sig1=:AAAA:"),
        ("sig1=();created=1;created=2", "sig1=:AAAA:"),
        ('sig1=();created="1"', "sig1=:AAAA:"),
        ("sig1=();created=1.5", "sig1=:AAAA:"),
        ("sig1=();created", "sig1=:AAAA:"),
        ("sig1=();created=@1", "sig1=:AAAA:"),
        ("sig1=();created=1;expires=?1", "sig1=:AAAA:"),
        ("sig1=();created=1234567890123456", "sig1=:AAAA:"),
        ("sig1=();keyid=token", "sig1=:AAAA:"),
        ("sig1=();keyid=1", "sig1=:AAAA:"),
        ("sig1=();alg=ed25519", "sig1=:AAAA:"),
        ('sig1=("é")', "sig1=:AAAA:"),
    ],
)
def test_what_is_not_one_signature_with_its_input_is_malformed(signature_input: str, signature: str) -> None:
    assert refusal(with_inputs(signature_input, signature)) is Reason.SIGNATURE_MALFORMED


@pytest.mark.parametrize(
    "component",
    [
        '"@unknown"',
        '"@signature-params"',
        '"@Method"',
        '"@status"',
        '"@method";req',
        '"@method";sf',
        '"@query-param"',
        '"@query-param";name="a";name2="b"',
        '"host";req',
        '"host";sf=?0',
        '"host";unknown',
        '"host";bs;sf',
        '"host";bs;key="a"',
        '"x-unknown";sf',
    ],
)
def test_a_component_that_is_not_known_or_not_the_messages_is_refused(component: str) -> None:
    request = with_header(with_inputs(f"sig1=({component})"), "X-Unknown", "a")
    assert refusal(request) is Reason.COMPONENT_UNSUPPORTED


@pytest.mark.parametrize(
    ("component", "reason"),
    [
        ('"x-absent"', Reason.FIELD_MISSING),
        ('"Host"', Reason.FIELD_MISSING),
        ('""', Reason.FIELD_MISSING),
        ('"host";tr', Reason.FIELD_MISSING),
        ('"x-dict";key="c"', Reason.FIELD_MISSING),
        ('"x-dict";key', Reason.FIELD_MISSING),
        ('"@query-param";name="c"', Reason.FIELD_MISSING),
        ('"@query-param";name="a"', Reason.FIELD_MALFORMED),
        ('"host";key="a"', Reason.FIELD_MALFORMED),
        ('"x-text"', Reason.FIELD_MALFORMED),
        ('"x-large";key="a"', Reason.TOO_LARGE),
    ],
)
def test_a_component_that_the_message_has_not_is_refused(component: str, reason: Reason) -> None:
    request = replace(
        with_inputs(f"sig1=({component})"),
        target="/?a=1&a=2&b=3",
    )
    request = with_header(request, "X-Dict", "a=1, b=2")
    request = with_header(request, "Host", "1nvalid")
    request = with_header(request, "X-Text", "caf\u00e9")
    request = with_header(request, "X-Large", "a=" + "1" * MAX_CHARACTERS)
    assert refusal(request) is reason


@pytest.mark.parametrize(
    ("signature_input", "signature"),
    [
        (INPUT + ';nonce="' + "n" * MAX_CHARACTERS + '"', "sig1=:AAAA:"),
        (INPUT, "sig1=:" + "A" * MAX_CHARACTERS + ":"),
        (
            ", ".join(f"s{number}=()" for number in range(MAX_SIGNATURES + 1)),
            ", ".join(f"s{number}=:AAAA:" for number in range(MAX_SIGNATURES + 1)),
        ),
        ("sig1=(" + " ".join(f'"h{number}"' for number in range(MAX_COMPONENTS + 1)) + ")", "sig1=:AAAA:"),
    ],
    ids=["input", "signature", "signatures", "components"],
)
def test_inputs_and_signatures_have_their_bounds(signature_input: str, signature: str) -> None:
    assert refusal(with_inputs(signature_input, signature)) is Reason.TOO_LARGE


def test_a_query_of_too_many_parameters_is_refused() -> None:
    target = "/?" + "&".join(f"a{number}=1" for number in range(MAX_QUERY_PARAMETERS + 1))
    request = replace(with_inputs('sig1=("@query-param";name="a1")'), target=target)
    assert refusal(request) is Reason.FIELD_MALFORMED


def lines(request: SignedRequest | SignedResponse, components: str) -> list[str]:
    ((covered, _),) = parse_dictionary(f"sig=({components})").values()
    assert isinstance(covered, list)
    return signature_base(request, covered, "()").decode().split("\n")[:-1]


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", "?"),
        ("/a/b?", "/a/b", "?"),
        ("/a?b=c?d", "/a", "?b=c?d"),
        ("https://other.example/a?b", "/a", "?b"),
        ("https://other.example", "/", "?"),
        ("*", "*", "?"),
    ],
)
def test_path_and_query_are_those_of_the_target(target: str, path: str, query: str) -> None:
    assert lines(replace(get(), target=target), '"@path" "@query"') == [
        f'"@path": {path}',
        f'"@query": {query}',
    ]


@pytest.mark.parametrize(
    ("request_", "component"),
    [
        (replace(get(), target='/\n"@method": GET'), "@target-uri"),
        (replace(get(), target='/\n"@method": GET'), "@path"),
        (replace(get(), method='GET\n"@path": /'), "@method"),
        (replace(get(), authority='a\n"@path": /'), "@authority"),
    ],
)
def test_no_part_of_a_request_can_forge_a_line(request_: SignedRequest, component: str) -> None:
    with pytest.raises(SignatureError, match="field_malformed"):
        lines(request_, f'"{component}"')


def test_a_member_of_a_dictionary_is_signed_alone() -> None:
    request = with_header(get(), "X-Dict", " a=1, b=2;x=1;y=2, c=(a   b    c), d")
    found = lines(request, '"x-dict";key="a" "x-dict";key="d" "x-dict";key="b" "x-dict";key="c"')
    assert found == [
        '"x-dict";key="a": 1',
        '"x-dict";key="d": ?1',
        '"x-dict";key="b": 2;x=1;y=2',
        '"x-dict";key="c": (a b c)',
    ]


def test_a_query_parameter_is_encoded_anew() -> None:
    request = replace(
        get(), target="/?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade=~*"
    )
    assert lines(
        request, '"@query-param";name="var" "@query-param";name="bar" "@query-param";name="fa%C3%A7ade"'
    ) == [
        '"@query-param";name="var": this%20is%20a%20big%0Amultiline%20value',
        '"@query-param";name="bar": with%20plus%20whitespace',
        '"@query-param";name="fa%C3%A7ade": %7E*',
    ]


def test_parameters_of_a_signature_are_signed_as_they_are_serialised() -> None:
    """White space that means nothing is not signed, and what is signed is not what was sent."""
    (signature,) = parse(with_inputs('sig1=( "@method"   "@path" );  created=1;keyid="k"'))
    assert signature.serialized_parameters == '("@method" "@path");created=1;keyid="k"'


@pytest.mark.parametrize("make", [rsa_key, ed25519_key, p256_key])
def test_what_is_signed_here_verifies_here(make) -> None:  # type: ignore[no-untyped-def]
    key = make()
    signed = rfc9421.sign(post(), key, KEY_ID, ["@method", "@target-uri", "host"], created=int(NOW))
    request = with_header(with_header(post(), "Signature-Input", signed[0]), "Signature", signed[1])
    (signature,) = parse(request)
    assert (signature.key_id, signature.created, signature.algorithm) == (KEY_ID, int(NOW), None)
    rfc9421.verify(request, signature, key.public_key())
    with pytest.raises(SignatureError, match="signature_invalid"):
        rfc9421.verify(replace(request, target="/other"), signature, key.public_key())


def test_an_algorithm_that_is_known_of_the_key_is_not_overruled_by_the_message() -> None:
    signature = MessageSignature("sig1", (), {"alg": "rsa-v1_5-sha256"}, "()", b"")
    with pytest.raises(SignatureError, match="algorithm_mismatch"):
        rfc9421.verify(get(), signature, rsa_key().public_key(), Algorithm.RSA_PSS_SHA512)


def test_a_public_key_is_never_the_secret_of_an_hmac() -> None:
    signature = MessageSignature("sig1", (), {"alg": "hmac-sha256"}, "()", b"")
    with pytest.raises(SignatureError, match="algorithm_mismatch"):
        rfc9421.verify(get(), signature, rsa_key().public_key())


def test_a_response_signs_its_status_and_parts_of_its_request() -> None:
    response = SignedResponse(200, (("Date", "now"),), get())
    assert lines(response, '"@status" "date" "@method";req "host";req') == [
        '"@status": 200',
        '"date": now',
        '"@method";req: GET',
        '"host";req: hvx.example',
    ]
    with pytest.raises(SignatureError, match="component_unsupported"):
        lines(response, '"@method"')
    with pytest.raises(SignatureError, match="component_unsupported"):
        lines(response, '"@status";req')
