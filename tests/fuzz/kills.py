"""
Interrupts trainings, pretrainings and the commands cross-lingual and ner-table at their file events, and resumes them.

    python tests/fuzz/kills.py                                  # all: hundreds of runs, well over an hour on two cores
    python tests/fuzz/kills.py --kinds teacher pgn --kills 10 --full 0
    python tests/fuzz/kills.py --only teacher --fault half:123  # a failure again; its folder is kept and named
    python tests/fuzz/kills.py --kinds teacher --list           # the events of an unbroken run, and nothing else

Each kind of run (broken_runs.py) is first left alone, forked and as a process of its own, which must agree and whose result is
what all others must come to: weights bit for bit, metrics.json but for times and memory, and the same files. The events of this
run, changes to files in its folder, are numbered. Then the same run is broken off, each time in a new folder: killed just before
an event (`kill`, or `group`, with all processes that it has begun), killed when half of a write is done (`half`), or with the
disk full from an event on (`full`). It is resumed by its own command, once, with nothing in its way, and must end well, with the
result of the unbroken run. A full disk that a run gets along with is no fault: it then ends well at once.

Events are drawn (`--seed`) so that each of a sort, the same change to the same file in the same phase, comes before a second one
of any; the start, before the first checkpoint, comes late. A line a failure, then tables: trials and failures by kind and phase,
and what runs said last when the disk was full. The exit status is 1 if anything failed.

Needed are Linux and a C compiler. Runs are forked from this process, which has imported AllenNLP once; every tenth is a process
of its own.
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
    """Those of a kind of run, after it has been run without fault."""
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
    """The same, for all processes of the run."""
    return Fault("group", fault.event) if fault.what == "kill" else fault


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help="those of broken_runs.py; left out, all")
    parser.add_argument("--kills", type=int, help="of each kind; left out, as many as broken_runs.py says")
    parser.add_argument("--full", type=int, help="full disks of each kind; left out, as many as kills")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of events (%(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once (%(default)s)")
    parser.add_argument("--list", action="store_true", help="show the events and break nothing off")
    parser.add_argument("--only", metavar="KIND", help="a single trial of this kind")
    parser.add_argument("--fault", metavar="WHAT:EVENT", help=f"of it: {', '.join(VARIABLES)} and the event's number")
    parser.add_argument("--own-process", action="store_true", help="it is not forked, but a process of its own")
    args = parser.parse_args()
    if bool(args.only) != bool(args.fault):
        parser.error("--only and --fault belong together")
    return args


def start_anew() -> None:
    """Replaces this process by itself with the library preloaded, which can be done at a program's start alone."""
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
    """What runs would import each for itself. No work is done that would begin threads, which a fork does not take along."""
    import allennlp.commands  # noqa: F401
    import sklearn.utils.extmath  # noqa: F401
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
