"""What goes of devices when their account goes."""

from functools import partial

from django.db import transaction

from devices import ports, state
from devices.models import Challenge, Device, DeviceState, ErasedDeviceKey, IdempotencyRecord
from devices.push import push


def lock_devices(account_id: str) -> None:
    """Wait for whoever changes a device of the account, in the order in which all lock them."""
    list(Device.objects.select_for_update().filter(account_id=account_id).order_by("pk").values_list("pk"))


def erase_devices(account_id: str, account: str) -> None:
    """Delete every device of the account with what hangs on it, its challenges and remembered answers.

    The caller's transaction must be open. After its commit tokens are dead and sockets closed, as when
    a device ends. A keyed hash of each device key stays, so that no other account ever takes one.
    """
    devices = list(Device.objects.filter(account_id=account_id).order_by("pk"))
    keys = [bytes(row.key) for row in devices if row.key is not None]
    for key in keys:
        ErasedDeviceKey.of(key).save(force_insert=True)
    for row in devices:
        if row.state != DeviceState.ENDED:
            ports.device_ended(row.hash, account_id)
        transaction.on_commit(partial(state.forget, row.hash))
        transaction.on_commit(partial(push, row.hash, {"type": "device.ended"}))
    Device.objects.filter(account_id=account_id).delete()
    Challenge.objects.filter(account=account).delete()
    # Those for a login by passkey name no account, only the key that asked.
    Challenge.objects.filter(device_key__in=keys).delete()
    IdempotencyRecord.objects.filter(account_id=account_id).delete()
