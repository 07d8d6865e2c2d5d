import base64


class Error(ValueError):
    pass


def hexlify(data, sep=None): return (data.hex() if sep is None else data.hex(sep)).encode("ascii")


def unhexlify(text):
    if isinstance(text, bytes):
        text = text.decode("ascii")
    if len(text) % 2:
        raise Error("Odd-length string")
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Error("Non-hexadecimal digit found")


def b2a_base64(data, *, newline=True): return base64.b64encode(data) + (b"\n" if newline else b"")
def a2b_base64(data): return base64.b64decode(data)


_TABLE = []


def crc32(data, value=0):
    if not _TABLE:
        for n in range(256):
            for _ in range(8):
                n = n >> 1 ^ 0xEDB88320 if n & 1 else n >> 1
            _TABLE.append(n)
    crc = value ^ 0xFFFFFFFF
    for b in data:
        crc = _TABLE[(crc ^ b) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


b2a_hex, a2b_hex = hexlify, unhexlify
