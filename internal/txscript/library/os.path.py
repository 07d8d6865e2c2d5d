sep = "/"


def join(first, *rest):
    path = first
    for part in rest:
        if part.startswith("/"):
            path = part
        elif not path or path.endswith("/"):
            path += part
        else:
            path += "/" + part
    return path


def split(path):
    head, _, tail = path.rpartition("/") if "/" in path else ("", "", path)
    if "/" in path:
        head = path[:len(path) - len(tail)]
        if head.strip("/"):
            head = head.rstrip("/")
    return head, tail


def basename(path): return split(path)[1]
def dirname(path): return split(path)[0]


def splitext(path):
    name = path[path.rfind("/") + 1:]
    stem = name.lstrip(".")
    if "." not in stem:
        return path, ""
    ext = name[name.rfind("."):]
    return path[:len(path) - len(ext)], ext


def isabs(path): return path.startswith("/")


def normpath(path):
    if not path:
        return "."
    start = "//" if path.startswith("//") and not path.startswith("///") else "/" if path.startswith("/") else ""
    made = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part != ".." or not start and not made or made and made[-1] == "..":
            made.append(part)
        elif made:
            made.pop()
    return start + "/".join(made) or "."


def commonprefix(paths):
    if not paths:
        return ""
    low, high = min(paths), max(paths)
    for i, c in enumerate(low):
        if c != high[i]:
            return low[:i]
    return low
