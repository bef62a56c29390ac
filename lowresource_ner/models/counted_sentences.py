"""Says which sentences of a batch the metrics count."""

from typing import Any, Dict, List, Optional, Union


def counted_sentences(metadata: Optional[List[Dict[str, Any]]]) -> Union[slice, List[int]]:
    """
    The rows of a batch that metrics count: all but those with "is_repeated" in their metadata. Under distributed training readers
    repeat a few sentences, so that all workers get the same number (`SentenceReader`).
    """
    repeated = [bool(sentence.get("is_repeated")) for sentence in metadata or []]
    return [row for row, is_repeated in enumerate(repeated) if not is_repeated] if any(repeated) else slice(None)
