"""Runs function.py as a function hook is run in CPython: the payload comes as JSON.

    bench_function.py    reads a payload, in one line, calls the function for each line
                         that follows, and prints the milliseconds with and without
                         reading the payload from JSON
    bench_function.py messages    calls it once, and prints the messages of its answer
"""
import json
import pathlib
import sys
import time

code = compile((pathlib.Path(__file__).parent / "function.py").read_text(), "function.py", "exec")
payload = sys.stdin.readline()
names = {}
exec(code, names)
if sys.argv[1:] == ["messages"]:
    print(json.dumps(names["rossum_hook_request_handler"](json.loads(payload))["messages"]))
    sys.exit()
for _ in sys.stdin:
    started = time.perf_counter()
    read = json.loads(payload)
    called = time.perf_counter()
    names["rossum_hook_request_handler"](read)
    ended = time.perf_counter()
    print((ended - started) * 1000, (ended - called) * 1000, flush=True)
