import math


class StatisticsError(ValueError):
    pass


def _need(data, name, least=1):
    data = list(data)
    if len(data) < least:
        raise StatisticsError(f"{name} requires at least {'one data point' if least == 1 else 'two data points'}")
    return data


def _total(data):
    return math.fsum(data) if any(isinstance(x, float) for x in data) else sum(data)


def mean(data):
    data = _need(data, "mean")
    total = _total(data)
    if isinstance(total, int) and total % len(data) == 0:
        return total // len(data)
    return total / len(data)


def fmean(data): return math.fsum(data := _need(data, "fmean")) / len(data)


def median(data):
    data = sorted(data)
    if not data:
        raise StatisticsError("no median for empty data")
    half = len(data) // 2
    return data[half] if len(data) % 2 else (data[half - 1] + data[half]) / 2


def median_low(data):
    data = sorted(data)
    if not data:
        raise StatisticsError("no median for empty data")
    return data[(len(data) - 1) // 2]


def median_high(data):
    data = sorted(data)
    if not data:
        raise StatisticsError("no median for empty data")
    return data[len(data) // 2]


def multimode(data):
    counts = {}
    for x in data:
        counts[x] = counts.get(x, 0) + 1
    most = max(counts.values(), default=0)
    return [x for x, n in counts.items() if n == most]


def mode(data):
    modes = multimode(data)
    if not modes:
        raise StatisticsError("no mode for empty data")
    return modes[0]


def _squares(data, name, least, center):
    data = _need(data, name, least)
    if any(isinstance(x, float) for x in data):
        exact = [x.as_integer_ratio() for x in map(float, data)]
        bottom = max(d for _, d in exact)
        whole = [n * (bottom // d) for n, d in exact]
    else:
        whole, bottom = list(data), 1
    n, total = len(whole), sum(whole)
    return sum(x * x for x in whole) * n - total * total, n, bottom * bottom


def variance(data, xbar=None):
    top, n, bottom = _squares(data, "variance", 2, xbar)
    return _divided(top, n * (n - 1) * bottom)


def pvariance(data, mu=None):
    top, n, bottom = _squares(data, "pvariance", 1, mu)
    return _divided(top, n * n * bottom)


def _divided(a, b): return a // b if a % b == 0 and b == 1 else a / b
def stdev(data, xbar=None): return math.sqrt(variance(data))
def pstdev(data, mu=None): return math.sqrt(pvariance(data))
