"""
Interrupts trainings, pretrainings and the commands cross-lingual and ner-table at their file events, and resumes them.

    python tests/fuzz/kills.py                                  # all: hundreds of runs, well over an hour on two cores
    python tests/fuzz/kills.py --kinds teacher pgn --kills 10 --full 0
    python tests/fuzz/kills.py --only teacher --fault half:123  # repeats a failure, keeps its folder and prints its path
    python tests/fuzz/kills.py --kinds teacher --list           # only lists the events of an uninterrupted run

Each kind of run (broken_runs.py) is first run twice without interruption, forked and in an interpreter of its own. Both must have
the same result, which is the expected result of all other runs: the same files, the same weights bit for bit, and the same
metrics.json except for times and memory. The events of this run, the changes to files in its folder, are numbered. Then the run
is interrupted, each time in a new folder: killed just before an event (`kill`; `group` also kills its child processes), killed in
the middle of a write (`half`), or with a full disk from an event on (`full`). It is resumed once, by its own command, and must
succeed with the expected result. A run that succeeds although the disk is full must have the expected result at once.

Events are sampled (`--seed`) such that each sort of event, which is the same change to the same file in the same phase, occurs
before any sort is repeated. Those before the first checkpoint come last. The output is a line for each failure, and tables of
trials and failures by kind and phase, and of the last lines that runs printed when the disk was full. The exit status is 1 if
anything failed.

This needs Linux and a C compiler. Runs are forked from this process, which has imported AllenNLP; every tenth is run in an
interpreter of its own.
"""

import argparse
import atexit
import multiprocessing
import os
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, List

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fuzz.chosen_faults import candidates, choose
from fuzz.file_events import VARIABLES, Fault, build
from fuzz.outcomes import Trial, as_table, last_words, tell

if TYPE_CHECKING:
    from fuzz.trials import Harness

_OWN_PROCESS_EVERY = 10


def trials(name: str, harness: "Harness", args: argparse.Namespace) -> List[Trial]:
    """Runs a kind without interruption, and returns its trials."""
    kind, events = harness.kinds[name], harness.unbroken(name)
    phases = kind.phases(events)
    if args.list:
        print("\n".join(f"{each.number:>6} {phase:<22} {each.words}" for each, phase in zip(events, phases)))
        return []
    if args.only:
        fault = Fault.parse(args.fault)
        if fault.event > len(events):
            sys.exit(f"{name} has {len(events)} events, and {fault} is beyond.")
        return [Trial(name, fault, phases[fault.event - 1], args.own_process)]
    num_kills = kind.num_kills if args.kills is None else args.kills
    num_full = num_kills if args.full is None else args.full
    chosen = choose(candidates(events, phases, is_full=False), num_kills, args.seed)
    if kind.has_processes:
        chosen = [(phase, as_group(fault) if turn % 2 else fault) for turn, (phase, fault) in enumerate(chosen)]
    chosen += choose(candidates(events, phases, is_full=True), num_full, args.seed)
    return [
        Trial(name, fault, phase, turn % _OWN_PROCESS_EVERY == _OWN_PROCESS_EVERY - 1)
        for turn, (phase, fault) in enumerate(chosen)
    ]


def as_group(fault: Fault) -> Fault:
    """Returns the same fault for all processes of the run."""
    return Fault("group", fault.event) if fault.what == "kill" else fault


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help="kinds of runs in broken_runs.py (default: all)")
    parser.add_argument("--kills", type=int, help="kills of each kind (default: see broken_runs.py)")
    parser.add_argument("--full", type=int, help="full disks of each kind (default: as many as kills)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sampling of events (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="number of runs at once (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="list the events without interrupting anything")
    parser.add_argument("--only", metavar="KIND", help="a single trial of this kind")
    parser.add_argument(
        "--fault", metavar="WHAT:EVENT", help=f"its fault, {', '.join(VARIABLES)}, and the number of the event"
    )
    parser.add_argument(
        "--own-process", action="store_true", help="run it in an interpreter of its own instead of forking it"
    )
    args = parser.parse_args()
    if bool(args.only) != bool(args.fault):
        parser.error("--only and --fault belong together")
    return args


def start_anew() -> None:
    """Restarts this program with the library preloaded, which is only possible when a program starts."""
    scratch = Path(tempfile.mkdtemp(prefix="kills")).resolve()
    try:
        library = str(build(scratch))
    except RuntimeError as error:
        shutil.rmtree(scratch)
        sys.exit(str(error))
    variables = {
        "FILE_EVENTS_LIBRARY": library,
        "LD_PRELOAD": library,
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | variables)


def import_once() -> None:
    """Imports what all runs need. Nothing may start threads, which do not survive a fork."""
    import allennlp.commands  # noqa: F401
    import sklearn.utils.extmath  # noqa: F401
    import support.imported_once  # noqa: F401
    import torch
    from transformers import AutoModelForMaskedLM, Trainer  # noqa: F401

    import lowresource_ner  # noqa: F401

    torch.set_num_threads(1)


def main() -> None:
    args = arguments()
    if "FILE_EVENTS_LIBRARY" not in os.environ:
        start_anew()
    import_once()
    from fuzz.trials import Harness

    scratch = Path(os.environ["FILE_EVENTS_LIBRARY"]).parent
    if not args.only:
        atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    harness = Harness(scratch, is_kept=bool(args.only))
    names = [args.only] if args.only else args.kinds or list(harness.kinds)
    if unknown := sorted(set(names) - set(harness.kinds)):
        sys.exit(f"No kind of run: {', '.join(unknown)}. Known are {', '.join(harness.kinds)}.")
    outcomes = []
    for name in names:
        todo = trials(name, harness, args)
        with ProcessPoolExecutor(args.jobs, multiprocessing.get_context("fork")) as pool:
            for outcome in pool.map(harness.try_out, todo):
                outcomes.append(outcome)
                tell(outcome)
    if outcomes:
        print("\n".join(["", *as_table(outcomes), "", "Said last when the disk was full:", *last_words(outcomes)]))
    if args.only:
        print(f"\nIts folder is in {scratch}.")
    sys.exit(1 if any(outcome.failures for outcome in outcomes) else 0)


if __name__ == "__main__":
    main()
