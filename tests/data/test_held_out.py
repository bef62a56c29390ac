"""Text that is set aside: complete, without overlap, and independent of where a sentence stands."""

from pathlib import Path
from typing import List, Set, Tuple

import pytest
from allennlp.common.checks import ConfigurationError
from conftest import CORPORA

from lowresource_ner.data.dataset_readers.conll_ner import ConllNerReader
from lowresource_ner.data.dataset_readers.raw_text import RawTextReader
from lowresource_ner.data.dataset_readers.sampling import HeldOut


def sentences(reader, path: object) -> List[Tuple[str, ...]]:
    return [tuple(instance["metadata"].metadata["words"]) for instance in reader.read(path)]


@pytest.mark.parametrize("reader_class, path", [(RawTextReader, "es/raw.txt"), (ConllNerReader, "en/train.conll")])
def test_each_sentence_is_on_one_side(reader_class, path) -> None:
    path = CORPORA / path
    everything = sentences(reader_class(), path)
    aside = sentences(reader_class(held_out_share=0.2, held_out=True), path)
    rest = sentences(reader_class(held_out_share=0.2), path)
    assert sorted(aside + rest) == sorted(everything) and not set(aside) & set(rest)
    assert 0.1 * len(everything) < len(aside) < 0.3 * len(everything)
    assert [each for each in everything if each in set(aside)] == aside, "in the order of the file"


def test_what_is_aside_stays_aside(tmp_path: Path) -> None:
    """Whatever is added, doubled or moved, and with a greater share."""

    def aside(lines: List[str], share: float) -> Set[Tuple[str, ...]]:
        path = tmp_path / "raw.txt"
        path.write_text("\n".join(lines), encoding="utf-8")
        return set(sentences(RawTextReader(tokenised=True, held_out_share=share, held_out=True), path))

    lines = [f"sentence number {number}" for number in range(200)]
    found = aside(lines, 0.3)
    assert aside(lines[::-1] + lines, 0.3) == found
    more = aside(lines + ["and another", "and one more"], 0.3)
    assert found <= more <= found | {("and", "another"), ("and", "one", "more")}
    assert found < aside(lines, 0.6)


def test_the_whole_corpus_is_there_for_those_who_need_it() -> None:
    """`sentences` gives what is held out as well, and the sample alone."""
    path = CORPORA / "es" / "raw.txt"
    everything = sentences(RawTextReader(), path)
    reader = RawTextReader(held_out_share=0.2)
    assert [tuple(sentence.words) for sentence in reader.sentences(path)] == everything
    sampled = RawTextReader(sample=10, held_out_share=0.2)
    assert len(list(sampled.sentences(path))) == 10 > len(sentences(sampled, path))


def test_what_cannot_be_is_said() -> None:
    for share in (0, 1, -0.1):
        with pytest.raises(ConfigurationError, match=f"'held_out_share' is {share}"):
            HeldOut(share, False)
    with pytest.raises(ConfigurationError, match="no 'held_out_share'"):
        RawTextReader(held_out=True)
