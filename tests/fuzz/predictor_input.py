"""Lines of a predictor's input, good ones and others, each with what must become of it."""

import json
import logging
import random
from functools import cache
from typing import Any, List, NamedTuple, NoReturn, Optional, Sequence

import torch
from allennlp.data import Vocabulary

from fuzz.temporary import temporary_folder
from lowresource_ner.models import Tagger
from lowresource_ner.predictors import NerConllPredictor, NerPredictor
from lowresource_ner.predictors.batch_tagger import TaggedSentence

CHARACTERS = [
    *"aB7 .,#-_'\"\\/<{[(:;@",
    "é",
    "ß",
    "\u00a0",
    "\u2028",
    "\u0085",
    "\ufeff",
    "\u3000",
    "\u200d",
    "北",
    "😀",
    "\t",
]
WORDS = [
    "Mara",
    "Reno",
    "-DOCSTART-",
    "#",
    "# x",
    "New York",
    "10\u00a0000",
    "\u00a0",
    " ",
    "O",
    "%PDF-1.4",
    "\ufeffa",
    "<b>",
    "ß",
]
DEEPEST, MOST_DIGITS = 100, 4300
FOLDER = temporary_folder()


class Case(NamedTuple):
    """A line, and what it holds where it must be answered, `None` where it must not; unless neither is certain."""

    line: str
    item: Optional[dict] = None
    is_certain: bool = True


class StandInTagger:
    """Tags words that begin with a capital letter, some of them with what is hard to write: a type with spaces, no number."""

    def tag(self, sentences: Sequence[Sequence[str]]) -> List[TaggedSentence]:
        return [self._tagged(words) for words in sentences]

    def _tagged(self, words: Sequence[str]) -> TaggedSentence:
        tags = ["B-work of art" if "ß" in word else "B-PER" if word[:1].isupper() else "O" for word in words]
        probabilities = [float("nan") if "😀" in word else 0.5 for word in words]
        entities = [
            {"start": place, "end": place + 1, "type": tag[2:], "confidence": 0.5}
            for place, tag in enumerate(tags)
            if tag != "O"
        ]
        return TaggedSentence(tags, probabilities, entities, torch.zeros(len(words), 2))


class StandInReader:
    """All that a predictor wants of an archive's reader."""

    token_indexers: dict = {}


@cache
def stand_in(kind: type = NerPredictor, **options: Any) -> Any:
    """A predictor without a model."""
    model = Tagger(Vocabulary())
    model.labels = ["O"]
    model.layer = torch.nn.Linear(1, 1)  # AllenNLP's predictors ask for the device of a weight
    predictor = kind(model, StandInReader(), **options)
    predictor._tagger = StandInTagger()
    return predictor


def check(rng: random.Random) -> None:
    """
    A batch of lines, as `allennlp predict` passes them on or read from a file: one output each, in order, which is valid and says
    the words, or the line and what is wrong with it. What is certain is held.
    """
    input_format = rng.choice(["json", "json", "text"])
    kind = rng.choice([NerPredictor, NerPredictor, NerConllPredictor])
    predictor = stand_in(kind, input_format=input_format, split_sentences=rng.random() < 0.3)
    cases = [make_text(rng) if input_format == "text" else make_json(rng) for _ in range(rng.randint(1, 8))]
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        outputs = _from_file(predictor, cases) if rng.random() < 0.3 else _from_lines(predictor, cases)
    finally:
        logging.disable(disabled)
    assert len(outputs) == len(cases)
    for number, (case, output) in enumerate(zip(cases, outputs), start=1):
        output.encode("utf-8")
        if kind is NerPredictor:
            _check_json(number, case, output)
        else:
            _check_conll(number, case, output)


def make_text(rng: random.Random) -> Case:
    text = "".join(rng.choices(CHARACTERS, k=rng.randint(1, 30))) + "x"
    if rng.random() < 0.1:
        return Case(_inserted(rng, text, rng.choice(["\0", "\udce9", "\udcff"])))
    return Case(text, {"text": text.removeprefix("\ufeff")})


def make_json(rng: random.Random) -> Case:
    if rng.random() < 0.35:
        return Case(rng.choice(_BAD)(rng))
    item = _good(rng)
    line = json.dumps(item, ensure_ascii=rng.random() < 0.5)
    if rng.random() < 0.3:
        return Case(_mutated(rng, line), None, is_certain=False)
    return Case(rng.choice(["", "", "\ufeff"]) + line + rng.choice(["", "\n", " \n"]), item)


def _good(rng: random.Random) -> dict:
    tokens: Any = rng.choices(WORDS, k=rng.choice([0, 1, 1, 2, 5]))
    text: Any = "".join(rng.choices(CHARACTERS, k=rng.randint(0, 40)))
    shape = rng.random()
    item: dict = {"text": text} if shape < 0.5 else {"tokens": tokens}
    if shape > 0.8:
        item["text"] = rng.choice(["", " "]).join(tokens)
    elif rng.random() < 0.1:
        item["tokens" if "text" in item else "text"] = None
    for _ in range(rng.choice([0, 0, 1, 3])):
        item[rng.choice(["id", "", "é", "line", "error", "tags", "meta data"])] = _value(rng)
    return item


def _value(rng: random.Random) -> Any:
    kind = rng.randrange(7)
    if kind == 0:
        return "".join(rng.choices(CHARACTERS, k=5))
    if kind == 1:
        return int("7" * rng.choice([1, 400, MOST_DIGITS]))
    if kind == 2:
        value: Any = 1
        for _ in range(rng.choice([3, DEEPEST - 1])):
            value = [value] if rng.random() < 0.5 else {"": value}
        return value
    return [None, True, -1.5e300, ["x" * 1000] * 10][kind - 3]


def _bad_value(rng: random.Random) -> str:
    """JSON, or what Python takes for it, that cannot be handed through."""
    depth = rng.choice([DEEPEST + 1, 2000, 100_000])
    return rng.choice(
        [
            "7" * rng.choice([MOST_DIGITS + 1, 20_000]),
            rng.choice(["1e400", "-1E999", "7" * 400 + ".0"]),
            rng.choice(["NaN", "Infinity", "-Infinity"]),
            "[" * depth + "]" * depth,
            '{"":' * depth + "0" + "}" * depth,
            rng.choice([r'"\ud83d"', r'"a\ude00b"', r'{"\udc00": 1}', r'[["\ud83d \ude00"]]', '"\udce9"']),
            '{"a": 1, "b": 2, "a": 3}',
            "[1, 2",
            "nope",
        ]
    )


_BAD = [
    lambda rng: '{"text": "Mara", "id": ' + _bad_value(rng) + "}",
    lambda rng: _bad_value(rng),
    lambda rng: '{"text": ' + rng.choice(["1", "[]", "true", '"a\\u0000"', r'"\ud83d"', "NaN", '"\t"', '"a', '"é\udce9"']) + "}",
    lambda rng: '{"tokens": ["Mara", ' + rng.choice(['""', r'"a\tb"', r'"\n"', r'"\u0000"', r'"\udc00"', "1", "null"]) + "]}",
    lambda rng: rng.choice(["[]", "null", "{}", '"Mara"', "1", '{"tokens": null, "text": null}', '{"tokens": "Mara"}', "{"]),
    lambda rng: '{"tokens": ["Mara", "sang"], "text": ' + rng.choice(['"Mara"', '"sang Mara"', "1", r'"Mara\u0000sang"']) + "}",
    lambda rng: '{"text": "Mara", "text": "Tobi"}',
]  # fmt: skip


def _mutated(rng: random.Random, line: str) -> str:
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(line) + 1)
        end = min(len(line), start + rng.choice([0, 1, 1, 5]))
        line = (
            line[:start]
            + rng.choice(["", line[start:end] * 2, rng.choice(CHARACTERS), '"', "}", "\\u", "\0"])
            + line[end:]
        )
    return line if line.strip() else "{"


def _inserted(rng: random.Random, text: str, piece: str) -> str:
    place = rng.randrange(len(text) + 1)
    return text[:place] + piece + text[place:]


def _from_lines(predictor: Any, cases: Sequence[Case]) -> List[str]:
    predictor._lines_read = 0
    inputs = [predictor.load_line(case.line) for case in cases]
    json.dumps(inputs)  # as `allennlp predict` does, unless it is silent
    answers = predictor.predict_batch_json(inputs) if len(inputs) > 1 else [predictor.predict_json(inputs[0])]
    return [predictor.dump_line(answer) for answer in answers]


def _from_file(predictor: Any, cases: Sequence[Case]) -> List[str]:
    path = FOLDER / "input"
    lines = [case.line.removesuffix("\n") for case in cases]
    path.write_bytes("\n".join(lines).encode("utf-8", errors="surrogateescape"))
    instances = list(predictor._dataset_reader.read(str(path)))
    return [predictor.dump_line(answer) for answer in predictor.predict_batch_instance(instances)]


def _check_json(number: int, case: Case, output: str) -> None:
    assert output.endswith("\n") and output.count("\n") == 1
    answer = json.loads(output, parse_constant=_refuse)
    assert ("tokens" in answer) != ("error" in answer), output
    if "error" in answer:
        assert answer["line"] == number and set(answer) == {"line", "error"} and answer["error"].isprintable()
        writable = case.item is not None and "😀" not in _written_words(case.item)  # the stand-in has no number for it
        assert not (case.is_certain and writable), (case, output)
        return
    assert case.item is not None or not case.is_certain, (case, output)
    if case.item is None:
        return
    assert without_blanks("".join(answer["tokens"])) == without_blanks(_written_words(case.item)), (case, output)
    for key, value in case.item.items():
        if key not in ("text", "tokens", "tags", "line", "error"):
            assert answer[key] == value, (case, output)


def _check_conll(number: int, case: Case, output: str) -> None:
    assert output.endswith("\n\n")
    lines = output.removesuffix("\n\n").split("\n")
    if lines[0].startswith("# ") and "\t" not in lines[0]:
        assert len(lines) == 1 and lines[0].startswith(f"# line {number}: ") and lines[0].isprintable(), output
        hard = ("😀", "ß", "-DOCSTART-")
        written = "" if case.item is None else _written_words(case.item)
        blank = case.item is not None and (not without_blanks(written) or "tokens" in case.item)
        assert case.item is None or blank or any(word in written for word in hard), (case, output)
        return
    assert case.item is not None or not case.is_certain, (case, output)
    words = [line.rpartition("\t")[0] for line in lines if line]
    assert all(line.rpartition("\t")[2] in ("O", "B-PER") for line in lines if line), output
    if case.item is not None:
        assert without_blanks("".join(words)).replace("\ufeff", "") == without_blanks(
            _written_words(case.item)
        ).replace("\ufeff", "")


def _written_words(item: dict) -> str:
    return item["text"] if item.get("tokens") is None else "".join(item["tokens"])


def without_blanks(text: str) -> str:
    """The text without white space."""
    return "".join(text.split())


def _refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")
