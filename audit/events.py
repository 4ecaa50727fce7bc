"""What the audit knows to tell. A word here stays: it stands in rows that nobody can change."""

from enum import StrEnum


class Event(StrEnum):
    # An account and its devices.
    REGISTERED = "registered"
    LOGIN = "login"
    LOGIN_REFUSED = "login_refused"
    DEVICE_ADDED = "device_added"
    CERTIFICATE_STORED = "certificate_stored"
    DEVICE_RENAMED = "device_renamed"
    DEVICE_REVOKED = "device_revoked"
    DEVICE_LOGGED_OUT = "device_logged_out"
    DEVICE_IDLE = "device_idle"
    DEVICE_EXPIRED = "device_expired"
    DEVICE_DEMOTED = "device_demoted"
    PASSWORD_REFUSED = "password_refused"
    PASSWORD_CHANGED = "password_changed"
    PASSWORD_RESET_ASKED = "password_reset_asked"
    PASSWORD_RESET_REFUSED = "password_reset_refused"
    PASSWORD_RESET = "password_reset"
    EMAIL_CHANGED = "email_changed"
    ACCOUNT_KEY_REPLACED = "account_key_replaced"
    ACCOUNT_SECRET_STORED = "account_secret_stored"
    KEY_EXCHANGE_BEGUN = "key_exchange_begun"
    KEY_EXCHANGE_ENDED = "key_exchange_ended"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    ACCESS_KEY_ADDED = "access_key_added"
    ACCESS_KEY_USED = "access_key_used"
    ACCESS_KEY_REFUSED = "access_key_refused"
    LOCKED_OUT = "locked_out"
    EXPORTED = "exported"
    ERASED = "erased"
    ACTOR_KEYS_ROTATED = "actor_keys_rotated"
    ACTOR_ALIASES_SET = "actor_aliases_set"
    ACTOR_MOVED = "actor_moved"
    ACTOR_CAME_BACK = "actor_came_back"

    # The server's own.
    INVITE_MADE = "invite_made"
    TOKEN_KEY_MADE = "token_key_made"
    TOKEN_KEY_ROTATED = "token_key_rotated"
    TOKEN_KEYS_WITHDRAWN = "token_keys_withdrawn"
    VAULT_UNSEAL_ATTEMPT = "vault_unseal_attempt"
    VAULT_UNSEALED = "vault_unsealed"
    VAULT_SEALED = "vault_sealed"
    VAULT_REWRAP_BEGUN = "vault_rewrap_begun"
    ROOT_KEY_ROTATION_BEGUN = "root_key_rotation_begun"
    ROOT_KEY_ROTATED = "root_key_rotated"
    DATA_KEY_ROTATED = "data_key_rotated"
    DATABASE_CONVERSION_BEGUN = "database_conversion_begun"
    BACKUP_MADE = "backup_made"
    BACKUP_RESTORED = "backup_restored"
    MIGRATION_PLANNED = "migration_planned"
    MIGRATION_APPLIED = "migration_applied"
    MIGRATION_TAKEN_BACK = "migration_taken_back"
    HOST_POLICY_SET = "host_policy_set"
    HOST_POLICY_LIFTED = "host_policy_lifted"
    BLOCKLIST_IMPORTED = "blocklist_imported"
    ACTOR_SUSPENDED = "actor_suspended"
    ACTOR_UNSUSPENDED = "actor_unsuspended"
    REPORT_RESOLVED = "report_resolved"
    DELIVERIES_CHANGED = "deliveries_changed"
    POST_REMOVED = "post_removed"
    POST_MARKED = "post_marked"
    OPERATOR_ADDED = "operator_added"
    OPERATOR_REMOVED = "operator_removed"
    OPERATOR_PASSWORD_SET = "operator_password_set"
    OPERATOR_SIGNED_IN = "operator_signed_in"
    OPERATOR_SIGNED_OUT = "operator_signed_out"
    SERVER_STARTED = "server_started"
    AUDIT_HEAD_MISSING = "audit_head_missing"
    CHECKPOINT = "checkpoint"


# Of these, those that concern no account are a stranger's, and strangers may be many at once: they
# are spread over chains of their own, away from the server's.
STRANGERS = frozenset(
    {
        Event.LOGIN_REFUSED,
        Event.PASSWORD_RESET_ASKED,
        Event.PASSWORD_RESET_REFUSED,
        Event.ACCESS_KEY_REFUSED,
        Event.LOCKED_OUT,
    }
)
