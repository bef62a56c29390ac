"""Selects the sentences of a batch that count in metrics."""

from typing import Any, Dict, List, Optional, Union


def counted_sentences(metadata: Optional[List[Dict[str, Any]]]) -> Union[slice, List[int]]:
    """
    Returns the rows of a batch that count in metrics: all without "is_repeated" in their metadata. In distributed training,
    readers repeat a few sentences so that all workers get the same number (`SentenceReader`).
    """
    repeated = [bool(sentence.get("is_repeated")) for sentence in metadata or []]
    return [row for row, is_repeated in enumerate(repeated) if not is_repeated] if any(repeated) else slice(None)
