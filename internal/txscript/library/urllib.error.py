class URLError(OSError):
    def __init__(self, reason, filename=None):
        super().__init__(reason)
        self.reason, self.filename = reason, filename

    def __str__(self): return "<urlopen error %s>" % (self.reason,)


class HTTPError(URLError):
    def __init__(self, url, code, msg, hdrs, fp):
        super().__init__(msg, url)
        self.url, self.code, self.status, self.msg, self.hdrs, self.headers, self.fp = url, code, code, msg, hdrs, hdrs, fp

    def __str__(self): return "HTTP Error %s: %s" % (self.code, self.msg)
    def __repr__(self): return "<HTTPError %s: %r>" % (self.code, self.msg)
    def read(self, amt=-1): return self.fp.read(amt) if self.fp else b""
    def geturl(self): return self.url
    def getcode(self): return self.code
    def info(self): return self.headers
    def close(self): pass
    def __enter__(self): return self
    def __exit__(self, *args): pass


class ContentTooShortError(URLError):
    def __init__(self, message, content):
        super().__init__(message)
        self.content = content
