"""CoNLL files that something happened to: bytes taken out, put in, repeated; other encodings; options that do not fit."""

import random

from allennlp.common.checks import ConfigurationError

from fuzz.conll_files import make_case
from fuzz.temporary import temporary_folder
from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.parser import read_conll
from lowresource_ner.data.conll.survey import survey_conll
from lowresource_ner.data.conll.writer import write_conll
from lowresource_ner.data.text_lines import ConllError

FOLDER = temporary_folder()
PIECES = [
    *(
        b"\n",
        b"\r",
        b"\r\n",
        b"\t",
        b" ",
        b"\0",
        b"#",
        b"# ",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\n\n",
    ),
    *(
        b"-DOCSTART-",
        b"%PDF-1.4",
        b"PK\x03\x04",
        b"BZh91AY&SY",
        b"\x1f\x8b",
        b"<html>",
        b"<?xml?>",
        b'{"a": 1}',
        b'["x", ',
        b"[" * 500,
    ),
    *(
        "\u00a0".encode(),
        "\u2028".encode(),
        "é".encode(),
        b"O",
        b"B-PER",
        b"B-",
        b"I-O",
        b"B-a b",
        b"-",
        b"en:",
        b"9" * 500,
    ),
    *(b"TOKEN\tNE\n", b"EndOfSentence", b"_\t_\t_\n", b"x " * 50, b"\x0b", b"\x85", b"\x1c"),
]
OPTIONS = {
    "token_column": [0, 0, 0, 1, -1, 7],
    "tag_column": [-1, -1, -1, 1, 0, None],
    "delimiter": ["auto", "auto", "tab", "whitespace"],
    "language_prefix": ["auto", True, False, "en"],
    "comment_prefix": ["#", "#", "%", "# ", None],
    "encoding": ["utf-8", "utf-8", "latin-1", "ascii", "cp1252", "gbk"],
    "header": ["auto", True, False],
    "sentence_end_mark": [None, None, "EndOfSentence"],
}


def damaged(rng: random.Random, text: bytes) -> bytes:
    for _ in range(rng.randint(1, 3)):
        start = rng.randint(0, len(text))
        end = min(len(text), start + rng.choice([0, 0, 1, 2, 10]))
        text = (
            text[:start] + rng.choice([b"", rng.choice(PIECES), rng.choice(PIECES), text[start:end] * 3]) + text[end:]
        )
    return text if rng.random() < 0.95 else rng.randbytes(rng.randint(0, 60))


def options(rng: random.Random) -> dict:
    """Options that may not fit."""
    return {name: rng.choice(values) for name, values in OPTIONS.items() if rng.random() < 0.1}


def check(rng: random.Random) -> None:
    """
    One file: it is read, or refused with a `ConllError` of its path; unlabelled reading gives the same words; and what
    is read is written and read back as it is, or refused by the writer.
    """
    path, copy = FOLDER / "damaged.conll", FOLDER / "copy.conll"
    case = make_case(rng)
    path.write_bytes(damaged(rng, case.text.encode()))
    case.options.pop("scheme", None)
    chosen = {**case.options, **options(rng)}
    try:
        conll_format = ConllFormat(**chosen)
    except ConfigurationError as error:
        assert "tokens need a column of their own" in str(error)
        return
    scheme, repair = rng.choice([None, None, "IO", "BMES", "IOB2"]), rng.random() < 0.5
    try:
        survey_conll(path, conll_format, scheme, repair)
        sentences = list(read_conll(path, conll_format))
    except ConllError as error:
        assert str(error).startswith(f"{path}:") and len(str(error)) < 2000, str(error)[:3000]
        return
    unlabelled = list(read_conll(path, ConllFormat(**chosen, labelled=False)))
    assert [each.tokens for each in unlabelled] == [each.tokens for each in sentences], (path.read_bytes(), chosen)
    pairs = [(each.tokens, each.tags or ("O",) * len(each.tokens)) for each in sentences]
    delimiter = rng.choice(["\t", "\t", " "])
    read_back = ConllFormat(language_prefix=False, delimiter="tab" if delimiter == "\t" else "auto")
    try:
        write_conll(pairs, copy, delimiter, read_back)
    except ConllError:
        return
    assert [(each.tokens, each.tags) for each in read_conll(copy, read_back)] == pairs, copy.read_bytes()
