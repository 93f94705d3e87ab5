"""Python's process pools, told what to do on standard input: a line "workload times" is answered by the seconds it took."""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

# As in the other pools, a worker is a fresh process.
SPAWN = get_context("spawn")
TASKS, ITEMS = 10_000, 1_000_000
BIG = bytes(16 << 20)


def add_one(n):
    return n + 1


def same(argument):
    return argument


def new_pool():
    return ProcessPoolExecutor(1, mp_context=SPAWN)


def timed(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def start():
    pools = []

    def until_first():
        pools.append(new_pool())
        pools[0].submit(add_one, 1).result()

    took = timed(until_first)
    pools[0].shutdown()
    return took


def repeated(work, times):
    for _ in range(times):
        work()


def main():
    with new_pool() as pool, SPAWN.Pool(1) as best:
        pool.submit(add_one, 1).result()
        best.map(add_one, range(10))
        workloads = {
            "trip": lambda: pool.submit(add_one, 1).result(),
            "tasks": lambda: [task.result() for task in [pool.submit(add_one, n) for n in range(TASKS)]],
            "map": lambda: best.map(add_one, range(ITEMS)),
            "bytes": lambda: pool.submit(same, BIG).result(),
        }
        for line in sys.stdin:
            workload, times = line.split()
            if workload == "end":
                break
            if workload == "start":
                took = sum(start() for _ in range(int(times)))
            else:
                took = timed(lambda: repeated(workloads[workload], int(times)))
            print(took, flush=True)


if __name__ == "__main__":
    main()
