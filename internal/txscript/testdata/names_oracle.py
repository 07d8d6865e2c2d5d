"""The public names of the modules that can be imported, from CPython.

    names_oracle.py regenerate    writes ../python_names.txt
    names_oracle.py check         fails if that is not what Python has

A line is a module and its names. One that is not here, though Python has it, is refused
when a program is compiled.
"""
import importlib
import pathlib
import sys
import warnings

warnings.simplefilter("ignore")
HERE = pathlib.Path(__file__).parent
NAMES = HERE.parent / "python_names.txt"
IN_GO = ["base64", "dataclasses", "datetime", "decimal", "enum", "hashlib", "json", "math", "os", "re", "traceback", "uuid"]


def names():
    modules = sorted(IN_GO + [p.stem for p in (HERE.parent / "library").glob("*.py") if not p.stem.startswith(("requests", "urllib3"))])
    out = []
    for name in modules:
        module = importlib.import_module(name)
        public = [n for n in dir(module) if not n.startswith("_")]
        if hasattr(module, "__all__"):
            public = sorted({*module.__all__, *[n for n in public if not isinstance(getattr(module, n), type(sys))]})
        out.append(" ".join([name, *public]))
    return "\n".join(out) + "\n"


if sys.argv[1:] == ["regenerate"]:
    NAMES.write_text(names())
elif sys.argv[1:] == ["check"]:
    if NAMES.read_text() != names():
        sys.exit("python_names.txt is not what CPython has; see names_oracle.py regenerate")
    print("names of modules as CPython has them")
else:
    sys.exit(__doc__)
