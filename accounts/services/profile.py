"""What a person changes of their account."""

from django.db import IntegrityError, transaction

from accounts import errors
from accounts.models import Account


@transaction.atomic
def change_email(account: Account, email: str) -> Account:
    """Another address. Raises EmailTaken."""
    account.email = email
    try:
        with transaction.atomic():
            account.save(update_fields=["email", "email_index"])
    except IntegrityError:
        raise errors.EmailTaken from None
    return account


@transaction.atomic
def keep_secret(account: Account, message: str) -> None:
    """Store the account secret's OpenPGP message; a later one takes its place."""
    account.secret = message
    account.save(update_fields=["secret"])
