maxsize = 9223372036854775807
maxunicode = 1114111
byteorder = "little"


def exc_info(): return _lib_exc_info()
def intern(text): return text
