"""Which sentences of a batch are scored."""

from typing import Any, Dict, List, Optional, Union


def counted_sentences(metadata: Optional[List[Dict[str, Any]]]) -> Union[slice, List[int]]:
    """
    The rows of a batch that scores count: all but those that the metadata call "is_repeated". Under distributed training readers
    give a few sentences a second time, so that all workers have as many (`SentenceReader`).
    """
    repeated = [bool(sentence.get("is_repeated")) for sentence in metadata or []]
    return [row for row, is_repeated in enumerate(repeated) if not is_repeated] if any(repeated) else slice(None)
