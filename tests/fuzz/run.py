"""
Runs the fuzz tests for long: every kind of input, as often as is asked for, each from a seed of its own.

    python tests/fuzz/run.py --inputs 100000

A line a kind: inputs, those that failed, those that took longer than the limit (a hang), and the seconds of the slowest. A
failure is printed with its seed, and repeated by `--only KIND --first SEED --inputs 1`. The exit status is 1 if anything failed.
"""

import argparse
import importlib
import logging
import random
import signal
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

KINDS = ["conll_files", "damaged_conll", "label_files", "predictor_input", "raw_text"]
_BLOCK = 500
_SHOWN = 5


class Outcome(NamedTuple):
    """What came of a block of inputs: seeds that failed, with the traceback, seeds that hung, and the seconds of the slowest."""

    inputs: int
    failed: List[Tuple[int, str]]
    hung: List[int]
    slowest: float


class Hang(BaseException):
    """An input that took too long; no `Exception`, so that no handler of one takes it."""


def run_block(kind: str, seeds: range, limit: int) -> Outcome:
    """Runs `check` of a kind once for each seed."""
    logging.disable(logging.CRITICAL)
    check: Callable[[random.Random], None] = importlib.import_module(f"fuzz.{kind}").check
    signal.signal(signal.SIGALRM, _hang)
    failed, hung, slowest = [], [], 0.0
    for seed in seeds:
        begin = time.perf_counter()
        signal.alarm(limit)
        try:
            check(random.Random(seed))
        except Hang:
            hung.append(seed)
        except Exception:
            failed.append((seed, traceback.format_exc(limit=-4)))
        finally:
            signal.alarm(0)
        slowest = max(slowest, time.perf_counter() - begin)
    return Outcome(len(seeds), failed, hung, slowest)


def _hang(*_: object) -> None:
    raise Hang


def blocks(first: int, number: int) -> Iterator[range]:
    for start in range(first, first + number, _BLOCK):
        yield range(start, min(start + _BLOCK, first + number))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000, help="of each kind")
    parser.add_argument("--only", nargs="+", default=KINDS, choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--limit", type=int, default=20, help="seconds that one input may take")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    args = parser.parse_args()
    print(f"{'kind':<18} {'inputs':>8} {'failed':>7} {'hung':>5} {'slowest (s)':>12} {'in all (s)':>11}", flush=True)
    is_clean = True
    with ProcessPoolExecutor(args.jobs) as pool:
        for kind in args.only:
            begin = time.perf_counter()
            waiting = [pool.submit(run_block, kind, seeds, args.limit) for seeds in blocks(args.first, args.inputs)]
            outcomes = [each.result() for each in waiting]
            failed = [failure for outcome in outcomes for failure in outcome.failed]
            hung = [seed for outcome in outcomes for seed in outcome.hung]
            slowest = max(outcome.slowest for outcome in outcomes)
            print(
                f"{kind:<18} {sum(each.inputs for each in outcomes):>8} {len(failed):>7} {len(hung):>5} {slowest:>12.2f} "
                f"{time.perf_counter() - begin:>11.0f}",
                flush=True,
            )
            for seed, trace in failed[:_SHOWN]:
                print(f"seed {seed}:\n{trace}", flush=True)
            for seed in hung[:_SHOWN]:
                print(f"seed {seed} hung", flush=True)
            is_clean = is_clean and not failed and not hung
    sys.exit(0 if is_clean else 1)


if __name__ == "__main__":
    main()
