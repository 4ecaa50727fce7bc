"""The tests that stand on places of their own, or on none, whatever database the suite stands on.

`make test-all` runs them with the embedded one and not a second time with the other.
"""

import pytest

# Folders, files, or a test of a file, below tests/.
ONCE = (
    "accounts/test_erasure.py::test_an_erasure_killed_at_any_moment_has_erased_all_or_nothing",
    "activitypub/delivery/test_killed.py",
    "activitypub/fetching/",
    "activitypub/inbox/test_killed.py",
    "activitypub/protocol/",
    "bench/",
    "client/",
    "deploy/",
    "hostile/",
    "hvx/backup/test_filling.py",
    "hvx/backup/test_killed.py",
    "hvx/backup/test_left_as_found.py",
    "hvx/backup/test_opening.py",
    "hvx/backup/test_refusals.py",
    "hvx/backup/test_round_trips.py",
    "hvx/schema/test_killed.py",
    "hvx/schema/test_migrating.py",
    "hvx/test_audit_head.py",
    "hvx/test_ways_in.py",
    "peers/",
    "scenarios/test_secrets.py",
    "storage/",
    "test_dependencies.py",
    "test_live.py::test_a_server_begins_as_a_copy_that_is_its_own_and_a_new_one_has_a_vault_of_its_own",
    "test_rules.py",
    "vault/test_envelope.py",
    "vault/test_file.py",
    "vault/test_protectors.py",
    "vault/test_replacing.py::test_rotation_may_be_killed_at_any_moment_and_everything_still_opens",
    "vault/test_rotation_killed.py",
    "vault/test_shares.py",
    "vault/test_sqlcipher.py",
    "vault/test_sqlcipher_conversion.py",
    "vault/test_sqlcipher_start.py",
    "vault/test_stream.py",
    "vault/test_unsealing.py",
    "vault/test_vaultfile.py",
    "vault/test_verbs.py",
    "vault/test_whole.py",
    "vectors/",
)


# What the suite's own database gives to a test, in tests/conftest.py and pytest-django.
_OF_THE_SUITE = ("db", "transactional_db", "server", "fresh_server")


def is_once(item: pytest.Item) -> bool:
    """Whether a test needs no second run on another database."""
    if not item.nodeid.removeprefix("tests/").startswith(ONCE):
        return False
    fixtures = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
    return not any(
        definition[-1].baseid in ("", "tests") for name in _OF_THE_SUITE if (definition := fixtures.get(name))
    )
