import calendar
import datetime
import re

timezone = altzone = daylight = 0
tzname = ("UTC", "UTC")


def time(): return datetime.datetime.now().timestamp()
def time_ns(): return int(datetime.datetime.now().timestamp() * 1000000) * 1000
def perf_counter(): return time()
def monotonic(): return time()
def process_time(): return time()


def sleep(seconds): _lib_sleep(seconds)


def _of(moment, dst): return _lib_struct_time(moment, dst)
def gmtime(secs=None): return _of(datetime.datetime.fromtimestamp(time() if secs is None else secs), 0)


localtime = gmtime


def struct_time(parts):
    parts = tuple(parts)
    if len(parts) < 9:
        raise TypeError(f"time.struct_time() takes an at least 9-sequence ({len(parts)}-sequence given)")
    return _lib_struct_time(None, parts[:9])


def mktime(t): return float(calendar.timegm(t))


def _moment(t):
    if len(t) != 9:
        raise TypeError("Tuple or struct_time argument required")
    return datetime.datetime(t[0], max(t[1], 1), max(t[2], 1), t[3], t[4], min(t[5], 59))


def strftime(format, t=None): return _moment(gmtime() if t is None else t).strftime(re.sub("(?<!%)((?:%%)*)%Z", r"\1UTC", format).replace("%z", "+0000"))
def strptime(string, format="%a %b %d %H:%M:%S %Y"): return _of(datetime.datetime.strptime(string, format), -1)
def asctime(t=None): return _moment(gmtime() if t is None else t).ctime()
def ctime(secs=None): return asctime(gmtime(secs))
