import hashlib


class HMAC:
    def __init__(self, key, msg=None, digestmod=""):
        if isinstance(key, str):
            raise TypeError("key: expected bytes or bytearray, but got 'str'")
        if not digestmod:
            raise TypeError("Missing required parameter 'digestmod'.")
        if isinstance(digestmod, str):
            name = digestmod.lower().replace("-", "")
            if not hasattr(hashlib, name):
                raise ValueError("unsupported hash type " + digestmod)
            digestmod = getattr(hashlib, name)
        inner = digestmod()
        block = inner.block_size
        if len(key) > block:
            made = digestmod(key)
            key = made.digest()
        key = key + bytes(block - len(key))
        self.name, self.digest_size, self.block_size = "hmac-" + inner.name, inner.digest_size, block
        self._new, self._outer, self._inner = digestmod, bytes(b ^ 0x5C for b in key), bytes(b ^ 0x36 for b in key)
        self._message = b""
        if msg is not None:
            self.update(msg)

    def update(self, msg):
        if isinstance(msg, str):
            raise TypeError("Strings must be encoded before hashing")
        self._message += msg

    def digest(self): return self._new(self._outer + self._new(self._inner + self._message).digest()).digest()
    def hexdigest(self): return self.digest().hex()


def new(key, msg=None, digestmod=""): return HMAC(key, msg, digestmod)
def digest(key, msg, digest): return HMAC(key, msg, digest).digest()


def compare_digest(a, b):
    if type(a) != type(b):
        raise TypeError(f"unsupported operand types(s) or combination of types: '{type(a).__name__}' and '{type(b).__name__}'")
    return a == b
