maxsize = 9223372036854775807
maxunicode = 1114111
byteorder = "little"
version = "3.11.7"
version_info = (3, 11, 7, "final", 0)
platform = "linux"


class _Nowhere:
    """A file of which nothing is kept."""
    def write(self, text): return len(text)
    def flush(self): pass


stdout = _Nowhere()
stderr = _Nowhere()


def exc_info(): return _lib_exc_info()
def intern(text): return text
