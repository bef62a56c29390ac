"""The error for a tag that its scheme does not allow."""

from typing import Optional, Tuple

from allennlp.common.checks import ConfigurationError

from lowresource_ner.tagging.tags import parse_tag


class InvalidTagSequence(ConfigurationError):
    """
    Raised for a tag that its scheme does not allow at its position.

    # Parameters

    position : `int`
        The index of the tag in its sequence.
    tag : `str`
        The tag as it was read.
    reason : `str`
        What is wrong with it.
    sequence : `int`, optional (default = `None`)
        The index of the sequence, if several were read.
    repairable : `bool`, optional (default = whether any scheme has the tag)
        Whether the sequence can be read as conlleval reads it.
    """

    def __init__(
        self,
        position: int,
        tag: str,
        reason: str,
        sequence: Optional[int] = None,
        repairable: Optional[bool] = None,
    ) -> None:
        where = f"tag {position}" if sequence is None else f"sequence {sequence}, tag {position}"
        super().__init__(f"{where}, {tag[:80]!r}: {reason}")
        self.position = position
        self.tag = tag
        self.reason = reason
        self.sequence = sequence
        self.repairable = parse_tag(tag).fault is None if repairable is None else repairable

    def __reduce__(self) -> Tuple:
        return type(self), (self.position, self.tag, self.reason, self.sequence, self.repairable)
