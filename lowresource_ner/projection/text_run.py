"""Works through a parallel text block by block, so that an interrupted run continues."""

import sys
import time
from collections import Counter
from typing import Any, Callable, Dict, List, Mapping

from allennlp.common import Tqdm

from lowresource_ner.common.resumable_parts import ResumableParts
from lowresource_ner.projection.parallel_text import ParallelText, SentencePair

SECONDS_BETWEEN_COMMITS = 10.0
"""A kill loses this much and the block at hand. Ctrl-C and SIGTERM lose only the block."""

Process = Callable[[List[SentencePair], int], Mapping[str, int]]
"""Takes the pairs of a block and the number of the line after it, appends to the parts, and returns what is to be counted."""


def run_over_text(
    text: ParallelText, num_lines: int, parts: ResumableParts, process: Process, description: str
) -> Dict[str, int]:
    """
    Processes the blocks of a text that have not been processed yet.

    # Parameters

    text : `ParallelText`
    num_lines : `int`
        The lines of the text.
    parts : `ResumableParts`
        Where `process` writes. Its state is that of this function.
    process : `Process`
    description : `str`
        For the progress bar.

    # Returns

    `Dict[str, int]`
        What was counted over the whole text: "lines", why lines were left out, and the counts of `process`.
    """
    done: Dict[str, Any] = parts.state or {"lines": 0, "counts": {}}
    line, counts = done["lines"], Counter(done["counts"])
    committed = time.monotonic()
    progress = Tqdm.tqdm(desc=description, unit=" lines", total=num_lines, initial=line, file=sys.stderr)
    try:
        for block in text.blocks(line):
            found = process(block.pairs, block.end)
            counts.update(block.left_out)
            counts.update(found)
            progress.update(block.end - line)
            line = block.end
            parts.mark({"lines": line, "counts": counts})
            if time.monotonic() - committed >= SECONDS_BETWEEN_COMMITS:
                parts.commit()
                committed = time.monotonic()
    finally:  # what was done before an error or Ctrl-C is not lost
        parts.commit()
        progress.close()
    return {"lines": line, **counts}
