import re


def dedent(text):
    lines = text.split("\n")
    lines = [line if line.strip(" \t") else "" for line in lines]
    margin = None
    for line in lines:
        if not line:
            continue
        indent = line[:len(line) - len(line.lstrip(" \t"))]
        if margin is None:
            margin = indent
        while not indent.startswith(margin):
            margin = margin[:-1]
    n = len(margin or "")
    return "\n".join(line[n:] for line in lines)


def indent(text, prefix, predicate=None):
    keep = predicate or (lambda line: line.strip())
    return "".join(prefix + line if keep(line) else line for line in text.splitlines(True))


def _chunks(text, hyphens):
    if not hyphens:
        return [c for c in re.split(r"([\t\n\x0b\x0c\r ]+)", text) if c]
    pattern = (r"([\t\n\x0b\x0c\r ]+|(?<=[\w!\"\'&.,?])-{2,}(?=\w)|[^\t\n\x0b\x0c\r ]"
               r"(?:[^\t\n\x0b\x0c\r ]*?(?:-(?:(?<=[^\d\W]{2}-)|(?<=[^\d\W]-[^\d\W]-))(?=[^\d\W]-?[^\d\W])"
               r"|(?=[\t\n\x0b\x0c\r ]|\Z)|(?<=[\w!\"\'&.,?])(?=-{2,}\w))))")
    return [c for c in re.split(pattern, text) if c]


def wrap(text, width=70, *, initial_indent="", subsequent_indent="", expand_tabs=True, replace_whitespace=True, fix_sentence_endings=False,
         break_long_words=True, drop_whitespace=True, break_on_hyphens=True, tabsize=8, max_lines=None, placeholder=" [...]"):
    if width <= 0:
        raise ValueError(f"invalid width {width!r} (must be > 0)")
    if expand_tabs:
        text = text.expandtabs(tabsize)
    if replace_whitespace:
        text = re.sub(r"[\t\n\x0b\x0c\r]", " ", text)
    chunks = _chunks(text, break_on_hyphens)
    chunks.reverse()
    lines = []
    while chunks:
        line, size = [], 0
        indent = subsequent_indent if lines else initial_indent
        room = width - len(indent)
        if drop_whitespace and lines and not chunks[-1].strip():
            chunks.pop()
        while chunks and size + len(chunks[-1]) <= room:
            size += len(chunks[-1])
            line.append(chunks.pop())
        if chunks and len(chunks[-1]) > room:
            space = max(room - size, 1) if room >= 1 else 1
            if break_long_words:
                chunk, end = chunks[-1], space
                if break_on_hyphens and len(chunk) > space:
                    hyphen = chunk.rfind("-", 0, space)
                    if hyphen > 0 and any(c != "-" for c in chunk[:hyphen]):
                        end = hyphen + 1
                line.append(chunk[:end])
                chunks[-1] = chunk[end:]
            elif not line:
                line.append(chunks.pop())
            size = sum(map(len, line))
        if drop_whitespace and line and not line[-1].strip():
            size -= len(line.pop())
        if not line:
            continue
        if max_lines is None or len(lines) + 1 < max_lines or (not chunks or drop_whitespace and len(chunks) == 1 and not chunks[0].strip()) and size <= room:
            lines.append(indent + "".join(line))
            continue
        while line:
            if line[-1].strip() and size + len(placeholder) <= room:
                lines.append(indent + "".join(line) + placeholder)
                break
            size -= len(line.pop())
        else:
            if lines and len(lines[-1].rstrip()) + len(placeholder) <= width:
                lines[-1] = lines[-1].rstrip() + placeholder
            else:
                lines.append(indent + placeholder.lstrip())
        break
    return lines


def fill(text, width=70, **options): return "\n".join(wrap(text, width, **options))
def shorten(text, width, **options): return fill(" ".join(text.strip().split()), width, max_lines=1, **options)
