"""Why a signature is refused, in words that stay as they are: logs, figures and tests name them."""

from enum import StrEnum


class Reason(StrEnum):
    """One word for each way to be refused."""

    UNSIGNED = "unsigned"
    SEVERAL_SIGNATURES = "several_signatures"
    TOO_LARGE = "too_large"
    SIGNATURE_MALFORMED = "signature_malformed"
    FIELD_MALFORMED = "field_malformed"
    FIELD_MISSING = "field_missing"
    COMPONENT_UNSUPPORTED = "component_unsupported"
    KEY_ID_MALFORMED = "key_id_malformed"

    TARGET_NOT_SIGNED = "target_not_signed"
    METHOD_NOT_SIGNED = "method_not_signed"
    HOST_NOT_SIGNED = "host_not_signed"
    DATE_NOT_SIGNED = "date_not_signed"
    DIGEST_NOT_SIGNED = "digest_not_signed"
    WRONG_HOST = "wrong_host"

    DATE_MALFORMED = "date_malformed"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"

    DIGEST_MALFORMED = "digest_malformed"
    DIGEST_UNSUPPORTED = "digest_unsupported"
    DIGEST_MISMATCH = "digest_mismatch"

    ALGORITHM_UNSUPPORTED = "algorithm_unsupported"
    ALGORITHM_MISMATCH = "algorithm_mismatch"
    KEY_MALFORMED = "key_malformed"
    KEY_UNSUPPORTED = "key_unsupported"
    KEY_TOO_SMALL = "key_too_small"
    SIGNATURE_INVALID = "signature_invalid"

    PROOF_MALFORMED = "proof_malformed"
    PROOF_UNSUPPORTED = "proof_unsupported"
    CONTEXT_MISMATCH = "context_mismatch"
    LINKED_DATA_SIGNATURE = "linked_data_signature"


class SignatureError(ValueError):
    """A signature, or what it needs, is refused. The text is the reason and quotes nothing of the message."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
