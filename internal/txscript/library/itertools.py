def _chain(its):
    for it in its:
        yield from it


class chain:
    def __init__(self, *its):
        self._rest = _chain(its)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._rest)

    @staticmethod
    def from_iterable(its):
        return _chain(its)


def count(start=0, step=1):
    while True:
        yield start
        start += step


def cycle(it):
    kept = []
    for x in it:
        yield x
        kept.append(x)
    while kept:
        yield from kept


def repeat(x, times=None):
    while times is None or times > 0:
        yield x
        if times is not None:
            times -= 1


def islice(it, *bounds):
    start, stop, step = (0, bounds[0], 1) if len(bounds) == 1 else (*bounds, 1)[:3]
    start = 0 if start is None else start
    step = 1 if step is None else step
    if start < 0 or stop is not None and stop < 0:
        raise ValueError("Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.")
    if step < 1:
        raise ValueError("Step for islice() must be a positive integer or None.")
    if stop is not None and stop <= start:
        return
    wanted = start
    for i, x in enumerate(it):
        if i == wanted:
            yield x
            wanted += step
        if stop is not None and (i + 1 >= stop or wanted >= stop):
            return


def takewhile(f, it):
    for x in it:
        if not f(x):
            return
        yield x


def dropwhile(f, it):
    dropping = True
    for x in it:
        dropping = dropping and f(x)
        if not dropping:
            yield x


def filterfalse(f, it):
    for x in it:
        if not (x if f is None else f(x)):
            yield x


def compress(it, selectors):
    for x, s in zip(it, selectors):
        if s:
            yield x


def starmap(f, it):
    for args in it:
        yield f(*args)


def accumulate(it, func=None, *, initial=None):
    total, begun = initial, initial is not None
    if begun:
        yield total
    for x in it:
        if not begun:
            total, begun = x, True
        else:
            total = total + x if func is None else func(total, x)
        yield total


def pairwise(it):
    before, begun = None, False
    for x in it:
        if begun:
            yield before, x
        before, begun = x, True


def groupby(it, key=None):
    group, last, begun = [], None, False
    for x in it:
        k = x if key is None else key(x)
        if begun and k != last:
            yield last, iter(group)
            group = []
        last, begun = k, True
        group.append(x)
    if begun:
        yield last, iter(group)


def zip_longest(*its, fillvalue=None):
    its = [iter(it) for it in its]
    ended = [False] * len(its)
    while its:
        row = []
        for i, it in enumerate(its):
            x = fillvalue
            if not ended[i]:
                try:
                    x = next(it)
                except StopIteration:
                    ended[i] = True
            row.append(x)
        if all(ended):
            return
        yield tuple(row)


def product(*its, repeat=1):
    pools = [tuple(it) for it in its] * repeat

    def rows(at):
        if at == len(pools):
            yield ()
            return
        for x in pools[at]:
            for rest in rows(at + 1):
                yield (x, *rest)

    yield from rows(0)


def permutations(it, r=None):
    pool = tuple(it)

    def rows(left, n):
        if n == 0:
            yield ()
            return
        for at, i in enumerate(left):
            for rest in rows(left[:at] + left[at + 1:], n - 1):
                yield (pool[i], *rest)

    yield from rows(list(range(len(pool))), len(pool) if r is None else r)


def combinations(it, r):
    pool = tuple(it)

    def rows(start, n):
        if n == 0:
            yield ()
            return
        for i in range(start, len(pool)):
            for rest in rows(i + 1, n - 1):
                yield (pool[i], *rest)

    yield from rows(0, r)


def tee(it, n=2):
    items = list(it)
    return tuple(iter(items) for _ in range(n))


def combinations_with_replacement(it, r):
    pool = tuple(it)
    if not pool and r:
        return
    at = [0] * r
    yield tuple(pool[i] for i in at)
    while True:
        for i in reversed(range(r)):
            if at[i] != len(pool) - 1:
                break
        else:
            return
        at[i:] = [at[i] + 1] * (r - i)
        yield tuple(pool[i] for i in at)
