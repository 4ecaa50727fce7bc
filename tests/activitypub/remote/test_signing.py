"""The key by which the server asks others for documents."""

from activitypub.queries.actors import instance
from activitypub.remote import signing
from activitypub.services.actors import make_missing
from activitypub.services.keys import rotate_keys


def test_before_there_is_an_actor_nothing_is_signed(db: None) -> None:
    signing.forget()
    assert signing.instance_signer() is None


def test_a_new_key_signs_from_the_moment_of_the_rotation(transactional_db: None) -> None:
    signing.forget()
    make_missing()
    first = signing.instance_signer()
    assert first is signing.instance_signer()
    made = rotate_keys(instance())
    second = signing.instance_signer()
    assert first is not None
    assert second is not None
    assert (first.key_id, second.key_id) == (f"{instance().uri}#main-key", made[0].key_id)
    signing.forget()
