"""Raw text: lines and running text, tokenised and not."""

import gzip

import pytest
from allennlp.common.checks import ConfigurationError

from lowresource_ner.data import RawTextReader


def read(text: str, tmp_path, **options) -> list:
    path = tmp_path / "raw.txt"
    path.write_text(text, encoding="utf-8")
    return [instance["metadata"].metadata for instance in RawTextReader(**options).read(path)]


def words(metadata: list) -> list:
    return [sentence["words"] for sentence in metadata]


def test_a_sentence_a_line(tmp_path) -> None:
    found = read("Ziwa linaitwa Victoria.\r\n\n  \nHabari, dunia!", tmp_path)
    assert words(found) == [["Ziwa", "linaitwa", "Victoria", "."], ["Habari", ",", "dunia", "!"]]
    assert [sentence["place"].rsplit(":")[-1] for sentence in found] == ["1", "4"]


def test_tokenised_lines_are_split_at_spaces_only(tmp_path) -> None:
    assert words(read("EE.UU. y 3,5 (sic)\n", tmp_path, tokenised=True)) == [["EE.UU.", "y", "3,5", "(sic)"]]


def test_running_text_is_split_into_sentences_over_line_breaks(tmp_path) -> None:
    text = "Lima is a city. It lies\non the sea.\n\nIs it big? “(Yes.)” Vale. ¿Sí? 北京。上海。"
    found = read(text, tmp_path, layout="running")
    assert [" ".join(sentence) for sentence in words(found)] == [
        "Lima is a city .",
        "It lies on the sea .",
        "Is it big ?",
        "“ ( Yes . ) ”",
        "Vale .",
        "¿ Sí ?",
        "北 京 。",
        "上 海 。",
    ]
    assert [sentence["place"].rsplit(":")[-1] for sentence in found] == ["1", "1", *"444444"]


def test_running_text_without_blank_lines_is_cut_at_sentence_ends_only(tmp_path) -> None:
    line = "Lima is a city. It lies on the\nsea and is large.\n"
    found = words(read(line * 2000, tmp_path, layout="running"))
    assert (
        found
        == [["Lima", "is", "a", "city", "."], ["It", "lies", "on", "the", "sea", "and", "is", "large", "."]] * 2000
    )


def test_tokenised_running_text(tmp_path) -> None:
    found = words(read("Lima is big . It lies\non the sea .", tmp_path, layout="running", tokenised=True))
    assert found == [["Lima", "is", "big", "."], ["It", "lies", "on", "the", "sea", "."]]


def test_packed_files_and_encodings(tmp_path) -> None:
    path = tmp_path / "raw.txt.gz"
    path.write_bytes(gzip.compress("Málaga\n".encode("latin-1")))
    (sentence,) = RawTextReader(encoding="latin-1").read(path)
    assert sentence["metadata"].metadata["words"] == ["Málaga"]
    with pytest.raises(ConfigurationError, match=r"raw\.txt\.gz:1: .*latin-1"):
        list(RawTextReader().read(path))


def test_no_text_no_labels_no_contradictions(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match=r"raw\.txt"):
        read("\n \n", tmp_path)
    with pytest.raises(ConfigurationError, match="'layout' of raw_text is 'pages'"):
        RawTextReader(layout="pages")
    instance = RawTextReader().text_to_instance(["Lima"])
    assert set(instance.fields) == {"tokens", "metadata"}


def test_a_sample_of_lines(tmp_path) -> None:
    text = "".join(f"word{number}\n" for number in range(30))
    found = words(read(text, tmp_path, sample=5))
    assert len(found) == 5 and all(len(sentence) == 1 for sentence in found)
    assert found == sorted(found, key=lambda sentence: int(sentence[0][4:]))
