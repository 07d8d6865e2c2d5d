from urllib3.util.retry import Retry

DEFAULT_POOLSIZE, DEFAULT_RETRIES, DEFAULT_POOLBLOCK = 10, 0, False


class HTTPAdapter:
    def __init__(self, pool_connections=DEFAULT_POOLSIZE, pool_maxsize=DEFAULT_POOLSIZE, max_retries=DEFAULT_RETRIES, pool_block=DEFAULT_POOLBLOCK):
        self.max_retries = Retry(0, read=False) if max_retries == DEFAULT_RETRIES else Retry.from_int(max_retries)

    def close(self): pass
