def literal_eval(source): return _lib_literal(source.strip(" \t"))
