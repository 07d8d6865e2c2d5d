maxsize = 9223372036854775807
maxunicode = 1114111
byteorder = "little"
version = "3.11.7"
version_info = (3, 11, 7, "final", 0)


def exc_info(): return _lib_exc_info()
def intern(text): return text
