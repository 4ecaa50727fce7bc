"""What goes of an actor when its account is erased: all of it."""

from activitypub.models import LocalActor


def erase_actor(account_id: str, account: str) -> None:
    """Delete an account's actor with its keys and follows, in the transaction that erases the account.

    That the name was erased is kept by the accounts room, so its addresses answer 410 from then on.
    """
    # Locked first: whoever adds a row that refers to the actor waits, and then finds it gone.
    for actor in LocalActor.objects.select_for_update().filter(account_id=account_id):
        actor.delete()
