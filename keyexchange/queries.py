"""What the database is asked at a request, and at no other frame."""

from devices.protocol.device_hash import DeviceHash
from devices.queries import active_devices, own_device
from keyexchange.protocol.desk import Asking


def asking(account_id: str, device: DeviceHash) -> Asking:
    """How the new device is named, and which devices of its account it may ask now."""
    new = own_device(account_id, device)
    active = tuple(DeviceHash(row.hash) for row in active_devices(account_id))
    return Asking(name=new.name, platform=new.platform, active=active)
