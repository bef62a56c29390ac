"""Processes a parallel text block by block, resuming where an interrupted run stopped."""

import sys
import time
from collections import Counter
from typing import Any, Callable, Dict, List, Mapping

from allennlp.common import Tqdm

from lowresource_ner.common.resumable_parts import ResumableParts
from lowresource_ner.projection.parallel_text import ParallelText, SentencePair

SECONDS_BETWEEN_COMMITS = 10.0
"""The most work that a killed process loses, besides the current block. Ctrl-C and SIGTERM lose only the current block."""

Process = Callable[[List[SentencePair], int], Mapping[str, int]]
"""Takes the pairs of a block and the number of the line after it, appends output to the parts, and returns counts by name."""


def run_over_text(
    text: ParallelText, num_lines: int, parts: ResumableParts, process: Process, description: str
) -> Dict[str, int]:
    """
    Processes the blocks of a text, skipping those that an earlier run has completed.

    # Parameters

    text : `ParallelText`
    num_lines : `int`
        The number of lines of the text.
    parts : `ResumableParts`
        The files that `process` writes to. Their state, which this function sets, holds the progress and the counts.
    process : `Process`
    description : `str`
        The label of the progress bar.

    # Returns

    `Dict[str, int]`
        Totals over the whole text: "lines", the number of skipped lines by reason, and the counts returned by `process`.
    """
    done: Dict[str, Any] = parts.state or {"lines": 0, "counts": {}}
    line, counts = done["lines"], Counter(done["counts"])
    committed = time.monotonic()
    progress = Tqdm.tqdm(desc=description, unit=" lines", total=num_lines, initial=line, file=sys.stderr)
    try:
        for block in text.blocks(line):
            block_counts = process(block.pairs, block.end)
            counts.update(block.left_out)
            counts.update(block_counts)
            progress.update(block.end - line)
            line = block.end
            parts.mark({"lines": line, "counts": counts})
            if time.monotonic() - committed >= SECONDS_BETWEEN_COMMITS:
                parts.commit()
                committed = time.monotonic()
    finally:  # keep completed work on errors and Ctrl-C
        parts.commit()
        progress.close()
    return {"lines": line, **counts}
