QUOTE_MINIMAL, QUOTE_ALL, QUOTE_NONNUMERIC, QUOTE_NONE = range(4)


class Error(Exception):
    pass


class _Format:
    def __init__(self, dialect="excel", delimiter=None, quotechar='"', escapechar=None, doublequote=True, skipinitialspace=False,
                 lineterminator=None, quoting=QUOTE_MINIMAL, strict=False):
        unix, tab = dialect == "unix", dialect == "excel-tab"
        self.delimiter = delimiter or ("\t" if tab else ",")
        if not isinstance(self.delimiter, str) or len(self.delimiter) != 1:
            raise TypeError('"delimiter" must be a 1-character string')
        self.quotechar, self.escapechar, self.doublequote, self.skipinitialspace = quotechar, escapechar, doublequote, skipinitialspace
        self.lineterminator = lineterminator or ("\n" if unix else "\r\n")
        self.quoting, self.strict = QUOTE_ALL if unix else quoting, strict


def _records(lines, f):
    fields, field, quoted, began, was_quoted = [], [], False, False, False
    for line in lines:
        i, n = 0, len(line)
        while i < n:
            c = line[i]
            i += 1
            if quoted:
                if c == f.escapechar and i < n:
                    field.append(line[i])
                    i += 1
                elif c == f.quotechar and f.quoting != QUOTE_NONE:
                    if f.doublequote and i < n and line[i] == f.quotechar:
                        field.append(c)
                        i += 1
                    else:
                        quoted = False
                else:
                    field.append(c)
            elif c in "\r\n":
                break
            elif c == f.delimiter:
                fields.append(_typed(field, was_quoted, f))
                field, began, was_quoted = [], False, False
            elif c == f.escapechar and f.escapechar is not None and i < n:
                field.append(line[i])
                i, began = i + 1, True
            elif c == f.quotechar and f.quoting != QUOTE_NONE and not began:
                quoted = began = was_quoted = True
            elif c == " " and f.skipinitialspace and not began:
                pass
            else:
                field.append(c)
                began = True
        if quoted:
            continue
        yield fields + [_typed(field, was_quoted, f)] if fields or field or began else []
        fields, field, began, was_quoted = [], [], False, False
    if quoted:
        if f.strict:
            raise Error("unexpected end of data")
        yield fields + [_typed(field, was_quoted, f)]


def _typed(field, was_quoted, f):
    text = "".join(field)
    return float(text) if f.quoting == QUOTE_NONNUMERIC and not was_quoted else text


class reader:
    def __init__(self, lines, dialect="excel", **options):
        self._rows, self.line_num = _records(lines, _Format(dialect, **options)), 0

    def __iter__(self): return self

    def __next__(self):
        row = next(self._rows)
        self.line_num += 1
        return row


class writer:
    def __init__(self, file, dialect="excel", **options): self._file, self._f = file, _Format(dialect, **options)

    def _text(self, v, alone):
        f = self._f
        text = "" if v is None else v if isinstance(v, str) else repr(v) if isinstance(v, float) else str(v)
        special = any(c in text for c in (f.delimiter, f.quotechar or f.delimiter, "\r", "\n")) or any(c in text for c in f.lineterminator)
        if f.quoting == QUOTE_NONE:
            for c in (f.escapechar, f.delimiter, f.quotechar, "\r", "\n"):
                if c and c in text:
                    if not f.escapechar:
                        raise Error("need to escape, but no escapechar set")
                    text = text.replace(c, f.escapechar + c)
            return text
        number = isinstance(v, (int, float))
        if special or f.quoting == QUOTE_ALL or f.quoting == QUOTE_NONNUMERIC and not number or alone and not text:
            text = text.replace(f.quotechar, f.quotechar * 2 if f.doublequote else (f.escapechar or "") + f.quotechar)
            return f.quotechar + text + f.quotechar
        return text

    def writerow(self, row):
        row = list(row)
        return self._file.write(self._f.delimiter.join(self._text(v, len(row) == 1) for v in row) + self._f.lineterminator)

    def writerows(self, rows):
        for row in rows:
            self.writerow(row)


class DictReader:
    def __init__(self, f, fieldnames=None, restkey=None, restval=None, dialect="excel", **options):
        self.reader, self.restkey, self.restval = reader(f, dialect, **options), restkey, restval
        self._names = list(fieldnames) if fieldnames is not None else None

    @property
    def line_num(self): return self.reader.line_num

    @property
    def fieldnames(self):
        if self._names is None:
            self._names = next(self.reader, None)
        return self._names

    def __iter__(self): return self

    def __next__(self):
        names = self.fieldnames
        row = next(self.reader)
        while row == []:
            row = next(self.reader)
        made = dict(zip(names or [], row))
        if len(row) > len(names):
            made[self.restkey] = row[len(names):]
        for name in names[len(row):]:
            made[name] = self.restval
        return made


class DictWriter:
    def __init__(self, f, fieldnames, restval="", extrasaction="raise", dialect="excel", **options):
        self.fieldnames, self.restval, self.extrasaction = fieldnames, restval, extrasaction
        self.writer = writer(f, dialect, **options)

    def writeheader(self): return self.writerow(dict(zip(self.fieldnames, self.fieldnames)))

    def writerow(self, row):
        if self.extrasaction == "raise":
            wrong = [k for k in row if k not in self.fieldnames]
            if wrong:
                raise ValueError("dict contains fields not in fieldnames: " + ", ".join(map(repr, wrong)))
        return self.writer.writerow(row.get(name, self.restval) for name in self.fieldnames)

    def writerows(self, rows):
        for row in rows:
            self.writerow(row)
