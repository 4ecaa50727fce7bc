"""What a person changes of their account."""

from django.db import IntegrityError, transaction

from accounts import errors
from accounts.models import Account
from audit.events import Event
from audit.services import record
from devices.protocol.device_hash import DeviceHash


@transaction.atomic
def change_email(account: Account, email: str, *, by: DeviceHash) -> Account:
    """Another address. Raises EmailTaken."""
    account.email = email
    try:
        with transaction.atomic():
            account.save(update_fields=["email", "email_index"])
    except IntegrityError:
        raise errors.EmailTaken from None
    record(Event.EMAIL_CHANGED, account=str(account.pk), device=by)
    return account


@transaction.atomic
def keep_secret(account: Account, message: str, *, by: DeviceHash) -> None:
    """Store the account secret's OpenPGP message; a later one takes its place."""
    account.secret = message
    account.save(update_fields=["secret"])
    record(Event.ACCOUNT_SECRET_STORED, account=str(account.pk), device=by)
