class _Memory:
    def __init__(self, initial, empty, newline):
        self._parts, self._size, self._at, self._empty, self._newline = [initial], len(initial), 0, empty, newline

    @property
    def _data(self):
        if len(self._parts) > 1:
            self._parts = [self._empty.join(self._parts)]
        return self._parts[0]

    def getvalue(self): return self._data
    def readable(self): return True
    def writable(self): return True
    def seekable(self): return True
    def tell(self): return self._at
    def close(self): pass
    def flush(self): pass
    def __enter__(self): return self
    def __exit__(self, *args): pass

    def read(self, size=-1):
        end = len(self._data) if size is None or size < 0 else self._at + size
        part = self._data[self._at:end]
        self._at += len(part)
        return part

    def write(self, data):
        self._check(data)
        if self._at == self._size:
            self._parts.append(data)
        else:
            self._parts = [self._data[:self._at] + data + self._data[self._at + len(data):]]
        self._at += len(data)
        self._size = max(self._size, self._at)
        return len(data)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def seek(self, offset, whence=0):
        self._at = offset + (0 if whence == 0 else self._at if whence == 1 else self._size)
        return self._at

    def truncate(self, size=None):
        self._parts = [self._data[:self._at if size is None else size]]
        self._size = len(self._parts[0])
        return self._size

    def readline(self, size=-1):
        end = self._data.find(self._newline, self._at)
        return self.read(len(self._data) if end < 0 else end + 1 - self._at)

    def readlines(self): return list(self)
    def __iter__(self): return self

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line


class StringIO(_Memory):
    encoding = None

    def __init__(self, initial_value="", newline="\n"): super().__init__(initial_value or "", "", "\n")

    def _check(self, data):
        if not isinstance(data, str):
            raise TypeError(f"string argument expected, got '{type(data).__name__}'")


class BytesIO(_Memory):
    def __init__(self, initial_bytes=b""): super().__init__(initial_bytes, b"", b"\n")

    def _check(self, data):
        if not isinstance(data, bytes):
            raise TypeError(f"a bytes-like object is required, not '{type(data).__name__}'")
