from requests import (
    ConnectionError, ConnectTimeout, HTTPError, InvalidURL, JSONDecodeError, ReadTimeout, RequestException, Timeout, TooManyRedirects)
