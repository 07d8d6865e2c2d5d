import copy
import time


class Retry:
    DEFAULT_ALLOWED_METHODS = frozenset(["DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"])
    RETRY_AFTER_STATUS_CODES = frozenset([413, 429, 503])
    DEFAULT_BACKOFF_MAX = 120

    def __init__(self, total=10, connect=None, read=None, redirect=None, status=None, other=None, allowed_methods=DEFAULT_ALLOWED_METHODS,
                 status_forcelist=None, backoff_factor=0, backoff_max=DEFAULT_BACKOFF_MAX, raise_on_redirect=True, raise_on_status=True,
                 history=None, respect_retry_after_header=True, remove_headers_on_redirect=(), backoff_jitter=0.0, method_whitelist=None):
        self.total, self.connect, self.read, self.redirect, self.status, self.other = total, connect, read, redirect, status, other
        self.allowed_methods = allowed_methods if method_whitelist is None else method_whitelist
        self.status_forcelist, self.backoff_factor, self.backoff_max = status_forcelist or set(), backoff_factor, backoff_max
        self.raise_on_redirect, self.raise_on_status, self.history = raise_on_redirect, raise_on_status, history or ()
        self.respect_retry_after_header, self.backoff_jitter = respect_retry_after_header, backoff_jitter

    @classmethod
    def from_int(cls, retries, redirect=True, default=None): return retries if isinstance(retries, Retry) else cls(10 if retries is None else retries)

    def new(self, **changed):
        made = copy.copy(self)
        for name, v in changed.items():
            setattr(made, name, v)
        return made

    def get_backoff_time(self):
        if len(self.history) <= 1:
            return 0
        return max(0, min(self.backoff_max, self.backoff_factor * 2 ** (len(self.history) - 1) + self.backoff_jitter / 2))

    def is_retry(self, method, status_code, has_retry_after=False):
        if self.allowed_methods and method.upper() not in self.allowed_methods:
            return False
        if self.status_forcelist and status_code in self.status_forcelist:
            return True
        return bool(self.total and self.respect_retry_after_header and has_retry_after and status_code in self.RETRY_AFTER_STATUS_CODES)

    def is_exhausted(self):
        counts = [n for n in (self.total, self.connect, self.read, self.redirect, self.status, self.other) if n]
        return bool(counts) and min(counts) < 0

    # What follows is for the module requests.

    def _less(self, kind):
        """Returns the attempts that are left after one, None for none."""
        left, counted = self.total, getattr(self, kind)
        if left is False or counted is False:
            return None
        made = self.new(history=(*self.history, kind), total=None if left is None else left - 1, **{kind: None if counted is None else counted - 1})
        return None if made.is_exhausted() else made

    def _wait(self, retry_after):
        seconds = _seconds(retry_after) if retry_after and self.respect_retry_after_header else 0
        time.sleep(seconds or self.get_backoff_time())


def _seconds(text):
    text = text.strip()
    if text.isdigit():
        return int(text)
    at = time.strptime(text.removesuffix(" GMT"), "%a, %d %b %Y %H:%M:%S")
    return max(0, time.mktime(at) - time.time())
