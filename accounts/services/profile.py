"""What a person changes of their account."""

from django.db import IntegrityError, transaction

from accounts import errors, queries
from accounts.models import Account
from audit.events import Event
from audit.services import record
from devices.principal import Principal


@transaction.atomic
def change_email(principal: Principal, email: str) -> Account:
    """Another address. Raises EmailTaken, DeviceRevoked."""
    account = queries.locked_of(principal)
    account.email = email
    try:
        with transaction.atomic():
            account.save(update_fields=["email", "email_index"])
    except IntegrityError:
        raise errors.EmailTaken from None
    record(Event.EMAIL_CHANGED, account=str(account.pk), device=principal.device)
    return account


@transaction.atomic
def keep_secret(principal: Principal, message: str) -> None:
    """Store the account secret's OpenPGP message; a later one takes its place. Raises DeviceRevoked."""
    account = queries.locked_of(principal)
    account.secret = message
    account.save(update_fields=["secret"])
    record(Event.ACCOUNT_SECRET_STORED, account=str(account.pk), device=principal.device)
