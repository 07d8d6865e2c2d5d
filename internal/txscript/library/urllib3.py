import urllib3.exceptions as exceptions
import urllib3.util as util
from urllib3.util.retry import Retry


def disable_warnings(category=None): pass
