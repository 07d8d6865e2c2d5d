import base64


def _latin(v): return v if isinstance(v, bytes) else str(v).encode("latin-1")
def _basic_auth_str(username, password): return "Basic " + base64.b64encode(_latin(username) + b":" + _latin(password)).decode("ascii")


class AuthBase:
    def __call__(self, r):
        raise NotImplementedError("Auth hooks must be callable.")


class HTTPBasicAuth(AuthBase):
    def __init__(self, username, password): self.username, self.password = username, password

    def __eq__(self, other):
        return all([self.username == getattr(other, "username", None), self.password == getattr(other, "password", None)])

    def __ne__(self, other): return not self == other

    def __call__(self, r):
        r.headers["Authorization"] = _basic_auth_str(self.username, self.password)
        return r
