import urllib3.exceptions as exceptions
import urllib3.util as util
from urllib3 import disable_warnings
