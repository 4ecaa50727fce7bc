"""Why something is not published. The words are stable: clients act by them."""

from enum import StrEnum


class Reason(StrEnum):
    TYPE = "unsupported_type"
    ACTOR = "actor_is_another"
    AUTHOR = "attributed_to_another"
    BLIND = "blind_recipients"
    TOO_MANY = "too_many_recipients"
    OBJECT = "unsupported_object"
    ATTACHMENT = "attachment_unusable"
    QUOTE_POLICY = "unsupported_quote_policy"
    UNDONE = "nothing_to_undo"
    UPDATED = "update_of_another_kind"
    TARGET = "unsupported_target"
    ALIAS = "alias_unusable"
    MEMBER = "unsupported_member"
    SEVERAL = "several_are_reported"
    EMOJI = "content_is_no_emoji"
    OVER = "ended_before"
