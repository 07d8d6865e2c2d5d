"""Runs function.py as a function hook is run in CPython: the payload comes as JSON.

    bench_function.py < PAYLOAD    prints the milliseconds of one call, the median, and
                                   the messages of its answer
"""
import json
import pathlib
import statistics
import sys
import time

code = compile((pathlib.Path(__file__).parent / "function.py").read_text(), "function.py", "exec")
payload = sys.stdin.read()
names = {}
exec(code, names)
times = []
for _ in range(15):
    started = time.perf_counter()
    answer = names["rossum_hook_request_handler"](json.loads(payload))
    times.append(time.perf_counter() - started)
print(json.dumps({"ms": statistics.median(times) * 1000, "messages": answer["messages"]}))
