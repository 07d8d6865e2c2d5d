def copy(x):
    if isinstance(x, (list, dict, set)):
        return x.copy()
    if hasattr(x, "__copy__"):
        return x.__copy__()
    return _lib_clone(x)


def deepcopy(x, memo=None):
    if isinstance(x, list):
        return [deepcopy(v, memo) for v in x]
    if isinstance(x, tuple):
        return tuple(deepcopy(v, memo) for v in x)
    if isinstance(x, dict):
        made = x.copy()
        for k, v in x.items():
            made[k] = deepcopy(v, memo)
        return made
    if isinstance(x, set):
        return set(x)
    if hasattr(x, "__deepcopy__"):
        return x.__deepcopy__({} if memo is None else memo)
    made = _lib_clone(x)
    if made is not x:
        for k, v in vars(x).items():
            setattr(made, k, deepcopy(v, memo))
    return made
