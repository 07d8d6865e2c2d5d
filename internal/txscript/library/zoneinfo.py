class ZoneInfoNotFoundError(KeyError):
    pass


def ZoneInfo(key):
    zone = _lib_zone(key)
    if zone is None:
        raise ZoneInfoNotFoundError(f"No time zone found with key {key}")
    return zone
