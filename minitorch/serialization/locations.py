"""Where memory was when it was saved, and where it goes when it is loaded.

torch: torch/serialization.py
"""

from ..device import device as device_type

__all__ = ["default_restore_location", "location_tag", "register_package", "restorer"]


def location_tag(storage):
    """The name of the place where a storage is.   torch: serialization.location_tag"""
    return str(storage.device)


def default_restore_location(storage, location):
    """A storage that was read, moved to where it was when saved.   torch: serialization.default_restore_location"""
    for _, _, move in REGISTERED:
        found = move(storage, location)
        if found is not None:
            return found
    if location == "cpu":
        return storage
    if location.startswith("cuda"):
        try:
            return storage.cuda(location)
        except AssertionError:
            raise RuntimeError(
                "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are running on a "
                "CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your storages to the CPU."
            ) from None
    raise RuntimeError(f"don't know how to restore data location of torch.storage.UntypedStorage (tagged with {location})")


REGISTERED = []


def register_package(priority, tagger, deserializer):
    """Let ``deserializer(storage, location)`` restore places of its own.   torch: serialization.register_package"""
    REGISTERED.append((priority, tagger, deserializer))
    REGISTERED.sort(key=lambda entry: entry[0])


def restorer(map_location):
    """``map_location`` as a function of a storage and its location."""
    if map_location is None:
        return default_restore_location
    if isinstance(map_location, dict):
        return lambda storage, location: default_restore_location(storage, map_location.get(location, location))
    if isinstance(map_location, (str, device_type)):
        where = str(map_location)
        return lambda storage, location: default_restore_location(storage, where)

    def restore(storage, location):
        found = map_location(storage, location)
        return default_restore_location(storage, location) if found is None else found

    return restore
