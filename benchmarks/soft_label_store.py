"""
What a store of soft labels takes: bytes on disk, time to fill and to read it, and the memory of a process that reads it.

    OMP_NUM_THREADS=1 python benchmarks/soft_label_store.py --sentences 1000000

Sentences are random words, 3 to 12 each, made as they are needed; distributions are random as well, over `--labels` labels. The
store is filled in this process and read in a fresh one, in blocks of 2048 sentences; the making of sentences and distributions
is not counted. Every distribution that is read is summed, so that all of the file is read. Memory is split into what the process
allocated and the pages of files, which the system takes back when it needs them.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, Iterator, List

import numpy

from lowresource_ner.distillation.soft_label_store import SoftLabelStore

BLOCK = 2048
SYLLABLES = "ba do fe gi ka lu mo ne po ri sa tu".split()
MEMORY = {"VmHWM": "peak (VmHWM)", "RssAnon": "now allocated (RssAnon)", "RssFile": "now of files (RssFile)"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=1_000_000)
    parser.add_argument("--labels", type=int, default=9)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--read", metavar="FOLDER", help="read the store in this folder, and do nothing else")
    args = parser.parse_args()
    if args.read:
        read(Path(args.read), args.sentences, args.labels, args.seed)
        return
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), args.sentences, args.labels, args.seed)
        subprocess.run([sys.executable, __file__, "--read", folder, *sys.argv[1:]], check=True)


def fill(folder: Path, number: int, num_labels: int, seed: int) -> None:
    generator = numpy.random.default_rng(seed)
    store = open_store(folder, num_labels)
    seconds, processor_seconds, num_words = 0.0, 0.0, 0
    for block in blocks(number, seed):
        distributions = random_distributions(block, num_labels, generator)
        num_words += sum(map(len, block))
        start, processor_start = time.perf_counter(), time.process_time()
        missing = store.missing(block)
        store.add([block[i] for i in missing], [distributions[i] for i in missing])
        seconds += time.perf_counter() - start
        processor_seconds += time.process_time() - processor_start
    start, processor_start = time.perf_counter(), time.process_time()
    store.flush()
    seconds += time.perf_counter() - start
    processor_seconds += time.process_time() - processor_start
    files = list(store.folder.iterdir())
    size = sum(path.stat().st_size for path in files)
    print(f"{number} sentences, {len(store)} of them different, {num_words} words, {num_labels} labels")
    print(f"on disk: {size} bytes in {len(files)} files, {size / len(store):.1f} bytes a sentence")
    print(f"filled in {seconds:.1f} s, {processor_seconds:.1f} s of them on the processor")
    print(f"memory of the process that fills: {memory()}", flush=True)


def read(folder: Path, number: int, num_labels: int, seed: int) -> None:
    print(f"memory of a process that has imported the package: {memory()}")
    start, processor_start = time.perf_counter(), time.process_time()
    store = open_store(folder, num_labels)
    opened, processor_opened = time.perf_counter() - start, time.process_time() - processor_start
    print(f"{len(store)} sentences opened in {opened:.2f} s, {processor_opened:.2f} s of them on the processor")
    print(f"memory of a process that has opened the store: {memory()}")
    seconds, processor_seconds, total = 0.0, 0.0, 0.0
    for block in blocks(number, seed):
        start, processor_start = time.perf_counter(), time.process_time()
        found = [array for array in store.get_many(block) if array is not None]
        seconds += time.perf_counter() - start
        processor_seconds += time.process_time() - processor_start
        assert len(found) == len(block)
        total += float(numpy.concatenate(found).sum(dtype=numpy.float64))
    print(f"read in {seconds:.1f} s, {processor_seconds:.1f} s of them on the processor; the sum of all is {total:.0f}")
    print(f"memory of a process that has read everything: {memory()}")


def open_store(folder: Path, num_labels: int) -> SoftLabelStore:
    return SoftLabelStore(folder, "synthetic", [f"label {i}" for i in range(num_labels)])


def blocks(number: int, seed: int) -> Iterator[List[List[str]]]:
    generator = random.Random(seed)
    words = ["".join(generator.choices(SYLLABLES, k=generator.randint(1, 4))) for _ in range(50_000)]
    for start in range(0, number, BLOCK):
        yield [generator.choices(words, k=generator.randint(3, 12)) for _ in range(min(BLOCK, number - start))]


def random_distributions(
    block: List[List[str]], num_labels: int, generator: numpy.random.Generator
) -> List[numpy.ndarray]:
    lengths = [len(words) for words in block]
    weights = generator.random((sum(lengths), num_labels), dtype=numpy.float32) ** 8
    return numpy.split(weights / weights.sum(1, keepdims=True), numpy.cumsum(lengths)[:-1])


def memory() -> str:
    lines = (line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    kilobytes: Dict[str, int] = {name: int(value.split()[0]) for name, value in lines if name in MEMORY}
    return ", ".join(f"{text} {kilobytes[name] / 1024:.0f} MiB" for name, text in MEMORY.items())


if __name__ == "__main__":
    main()
