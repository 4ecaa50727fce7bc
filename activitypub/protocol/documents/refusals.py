"""Why a document is not taken. The words are stable: operators and other servers see them."""

from enum import StrEnum


class Refusal(StrEnum):
    # What is no JSON that everybody reads alike.
    TOO_LARGE = "document_too_large"
    NOT_JSON = "document_not_json"
    NOT_AN_OBJECT = "document_not_an_object"
    TOO_DEEP = "document_too_deep"
    TOO_MANY_VALUES = "document_too_many_values"
    DUPLICATE_MEMBER = "document_duplicate_member"
    NUL = "document_holds_nul"
    NUMBER_OUT_OF_RANGE = "document_number_out_of_range"
    # What another reader would take for something else than we do.
    CONTEXT_REDEFINES = "context_redefines_a_term"
    CONTEXT_ALIAS = "context_renames_a_term"
    KEYWORD = "document_uses_a_keyword"
    # What lacks a part that it cannot be without.
    TYPE_MISSING = "type_missing"
    ID_MISSING = "id_missing"
    ACTOR_MISSING = "actor_missing"
    ACTOR_AMBIGUOUS = "actor_ambiguous"
    OBJECT_MISSING = "object_missing"
    INBOX_MISSING = "inbox_missing"
    USERNAME_MISSING = "username_missing"
    TOO_MANY_OPTIONS = "poll_too_many_options"


class RefusedDocument(ValueError):
    """A document that is not taken. It quotes nothing of the document, so it may be logged and told."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
