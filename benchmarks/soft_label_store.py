"""
Measures what a million sentences take: a store of soft labels, the bytes on disk, the time to fill and to read it, and the memory
of a process that reads it; the same in lmdb; and a lazy data loader that reads the sentences from a file, with and without the
teacher's probabilities.

    OMP_NUM_THREADS=1 python benchmarks/soft_label_store.py --sentences 1000000

Sentences are random words, 3 to 12 each; a word has random probabilities of 9 labels. The store is filled in this process and
read in a fresh one, in blocks of 2048 sentences; the making of sentences and probabilities is not counted. All probabilities that
are read are summed, so that all of the file is read. Memory is divided into what the process allocated and the pages of files,
which the system takes back when it needs them.

lmdb, which AllenNLP requires, is given the same keys and the same float16 numbers, and one transaction a block. Its numbers are
copied when they are read, because a view of them ends with the transaction.

Then two fresh processes, at the same time so that both have the same machine, go once through AllenNLP's `multiprocess` loader
with `max_instances_in_memory`, as far as the batches that a model would be given: one with the reader `raw_text`, the other with
the reader `teacher_labelled` upon it and the store.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import lmdb
import numpy
from allennlp.common import Params
from allennlp.common.util import import_module_and_submodules
from allennlp.data import DataLoader, DatasetReader, Vocabulary
from common import REPOSITORY, TRAINING_BATCH, WordTeacher

from lowresource_ner.distillation.store.sentence_index import sentence_key
from lowresource_ner.distillation.store.soft_label_store import SoftLabelStore

BLOCK = 2048
INSTANCES_IN_MEMORY = 8192
SYLLABLES = "ba do fe gi ka lu mo ne po ri sa tu".split()
MEMORY = {"VmHWM": "peak (VmHWM)", "RssAnon": "now allocated (RssAnon)", "RssFile": "now of files (RssFile)"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--folder", type=Path, help="of --step; otherwise one that is removed in the end")
    parser.add_argument("--step", choices=["read", "lmdb", "raw_text", "teacher_labelled"], help="do nothing else")
    args = parser.parse_args()
    if args.step == "read":
        read(args.folder, args.sentences, args.seed)
    elif args.step == "lmdb":
        fill_and_read_lmdb(args.folder, args.sentences, args.seed)
    elif args.step:
        load(args.step, args.folder)
    else:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), args.sentences, args.seed)


def measure(folder: Path, number: int, seed: int) -> None:
    command = [sys.executable, __file__, "--folder", str(folder), "--sentences", str(number), "--seed", str(seed)]
    fill(folder, number, seed)
    for step in ("read", "lmdb"):
        subprocess.run([*command, "--step", step], check=True)
    with (folder / "text.txt").open("w", encoding="utf-8") as file:
        file.writelines(" ".join(words) + "\n" for block in blocks(number, seed) for words in block)
    steps = ["raw_text", "teacher_labelled"]
    running = [subprocess.Popen([*command, "--step", step], stdout=subprocess.PIPE, text=True) for step in steps]
    outputs = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        raise RuntimeError("A process that reads the sentences lazily has failed; see above.")
    without, with_teacher = (json.loads(output.splitlines()[-1]) for output in outputs)
    for step, found in zip(steps, (without, with_teacher)):
        print(f"lazy loader, {step}: {found['sentences']} sentences in {found['seconds']:.0f} s, ", end="")
        print(f"{found['processor_seconds']:.0f} s of them on the processor; allocated (RssAnon) before ", end="")
        print(f"{found['before']:.0f} MiB, at most {found['peak']:.0f} MiB; in the end {found['now']}")
    print(f"with the teacher / without: time {with_teacher['seconds'] / without['seconds']:.2f}, ", end="")
    print(f"time on the processor {with_teacher['processor_seconds'] / without['processor_seconds']:.2f}, ", end="")
    more = (with_teacher["processor_seconds"] - without["processor_seconds"]) / with_teacher["sentences"]
    print(f"{1e6 * more:.0f} microseconds more for each sentence")


class Stopwatch:
    """Adds up the seconds of `with` blocks, all of them and those on the processor."""

    def __init__(self) -> None:
        self.seconds = self.processor_seconds = 0.0

    def __enter__(self) -> None:
        self._start = time.perf_counter(), time.process_time()

    def __exit__(self, *_: Any) -> None:
        self.seconds += time.perf_counter() - self._start[0]
        self.processor_seconds += time.process_time() - self._start[1]

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s, {self.processor_seconds:.2f} s of them on the processor"


def fill(folder: Path, number: int, seed: int) -> None:
    store, stopwatch, num_words = open_store(folder), Stopwatch(), 0
    for block, probabilities in labelled_blocks(number, seed):
        num_words += sum(map(len, block))
        with stopwatch:
            missing = store.missing(block)
            store.add([block[i] for i in missing], [probabilities[i] for i in missing])
    with stopwatch:
        store.flush()
    files = list(store.folder.iterdir())
    print(f"{number} sentences, {len(store)} of them different, {num_words} words, {len(store.labels)} labels")
    print_size(files, len(store))
    print(f"filled in {stopwatch}")
    print(f"memory of the process that fills: {memory()}", flush=True)


def read(folder: Path, number: int, seed: int) -> None:
    print(f"memory of a process that has imported the package: {memory()}")
    opening, reading, total = Stopwatch(), Stopwatch(), 0.0
    with opening:
        store = open_store(folder)
    print(f"{len(store)} sentences opened in {opening}")
    print(f"memory of a process that has opened the store: {memory()}")
    for block in blocks(number, seed):
        with reading:
            found = store.get_many(block)
        total += sum_of(found)
    print(f"read in {reading}; the sum of all is {total:.0f}")
    print(f"memory of a process that has read everything: {memory()}")


def fill_and_read_lmdb(folder: Path, number: int, seed: int) -> None:
    filling, reading, total = Stopwatch(), Stopwatch(), 0.0
    environment = lmdb.open(str(folder / "lmdb"), map_size=1 << 40)
    for block, probabilities in labelled_blocks(number, seed):
        with filling, environment.begin(write=True) as transaction:
            stored = (each.astype(numpy.float16).tobytes() for each in probabilities)
            transaction.cursor().putmulti(list(zip(map(sentence_key, block), stored)), overwrite=False)
    num_sentences = environment.stat()["entries"]
    environment.close()
    print("lmdb ", end="")
    print_size([folder / "lmdb" / "data.mdb"], num_sentences)
    print(f"lmdb filled in {filling}")
    environment = lmdb.open(str(folder / "lmdb"), readonly=True, lock=False)
    for block in blocks(number, seed):
        with reading, environment.begin() as transaction:
            found = [transaction.get(sentence_key(words)) for words in block]
            arrays = [
                numpy.frombuffer(each, numpy.float16).reshape(len(words), -1) for each, words in zip(found, block)
            ]
        total += sum_of(arrays)
    print(f"lmdb read in {reading}; the sum of all is {total:.0f}", flush=True)


def labelled_blocks(number: int, seed: int) -> Iterator[tuple[List[List[str]], List[numpy.ndarray]]]:
    teacher = WordTeacher()
    for block in blocks(number, seed):
        yield block, [each for each in teacher.label(block) if each is not None]


def sum_of(found: List[Optional[numpy.ndarray]]) -> float:
    arrays = [each for each in found if each is not None]
    assert len(arrays) == len(found)
    return float(numpy.concatenate(arrays).sum(dtype=numpy.float64))


def print_size(files: List[Path], num_sentences: int) -> None:
    size = sum(path.stat().st_blocks * 512 for path in files)
    print(f"on disk: {size} bytes in {len(files)} files, {size / num_sentences:.1f} bytes a sentence")


def load(step: str, folder: Path) -> None:
    import_module_and_submodules("lowresource_ner")
    indexers = {"encoder": {"type": "subwords", "model_name": str(REPOSITORY / "fixtures/encoders/tiny")}}
    reader: Dict[str, Any] = {"type": "raw_text", "tokenised": True, "token_indexers": indexers}
    if step == "teacher_labelled":
        reader = {"type": step, "reader": reader, "teachers": {"teacher": {"type": "of_words"}}, "store": str(folder)}
    sampler = {"type": "length_grouped", "batch_size": TRAINING_BATCH}
    loader = DataLoader.from_params(
        Params({"batch_sampler": sampler, "max_instances_in_memory": INSTANCES_IN_MEMORY, "quiet": True}),
        reader=DatasetReader.from_params(Params(reader)),
        data_path=str(folder / "text.txt"),
    )
    loader.index_with(Vocabulary(tokens_to_add={"labels": WordTeacher.labels}))
    before = peak = allocated()
    start, processor_start, sentences = time.perf_counter(), time.process_time(), 0
    for number, batch in enumerate(loader):
        sentences += len(batch["metadata"])
        if number % 64 == 0:
            peak = max(peak, allocated())
    found = {
        "sentences": sentences,
        "seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time() - processor_start,
        "before": before,
        "peak": peak,
        "now": memory(),
    }
    print(json.dumps(found))


def open_store(folder: Path) -> SoftLabelStore:
    return SoftLabelStore(folder, WordTeacher.fingerprint, WordTeacher.labels)


def blocks(number: int, seed: int) -> Iterator[List[List[str]]]:
    generator = random.Random(seed)
    words = ["".join(generator.choices(SYLLABLES, k=generator.randint(1, 4))) for _ in range(50_000)]
    for start in range(0, number, BLOCK):
        yield [generator.choices(words, k=generator.randint(3, 12)) for _ in range(min(BLOCK, number - start))]


def memory() -> str:
    return ", ".join(f"{text} {status()[name]:.0f} MiB" for name, text in MEMORY.items())


def allocated() -> float:
    return status()["RssAnon"]


def status() -> Dict[str, float]:
    """In MiB."""
    lines = (line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return {name: int(value.split()[0]) / 1024 for name, value in lines if name in MEMORY}


if __name__ == "__main__":
    main()
