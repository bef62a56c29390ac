"""The order of the four-module update loop: which sentences come when, counted, and what the loader makes of files."""

import gzip
import itertools
import random
from collections import Counter
from typing import Any, Dict, Iterable, List

import pytest
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.data import DataLoader, Instance, Token, Vocabulary
from allennlp.data.data_loaders.multitask_scheduler import HomogeneousRoundRobinScheduler, MultiTaskScheduler
from allennlp.data.dataset_readers import MultiTaskDatasetReader
from allennlp.data.fields import MetadataField, TextField
from conftest import CORPORA, conll_blocks
from hypothesis import given
from hypothesis import strategies as st

from lowresource_ner.data import ConllNerReader, ModuleLoader, NormalisedWordIndexer, OneBatchPerModule, RawTextReader
from lowresource_ner.data.batching import one_batch_per_module as scheduler_file


def corpus(name: str, size: int, seed: int = 0) -> List[Instance]:
    """Sentences of 1 to 40 words, each with a name."""
    draw = random.Random(seed)
    return [
        Instance(
            {
                "tokens": TextField([Token("w")] * draw.randint(1, 40)),
                "task": MetadataField(name),
                "id": MetadataField(i),
            }
        )
        for i in range(size)
    ]


def corpora(**sizes: int) -> Dict[str, List[Instance]]:
    return {name: corpus(name, size) for name, size in sizes.items()}


def epoch(scheduler: OneBatchPerModule, data: Dict[str, List[Instance]]) -> Dict[str, List[List[int]]]:
    """The batches of each module; checks that they come in turn, and as many as were announced."""
    batches = list(scheduler.batch_instances(data))
    assert len(batches) == scheduler.count_batches({name: len(instances) for name, instances in data.items()})
    order = [module_of(batch) for batch in batches]
    num_steps, rest = divmod(len(batches), len(scheduler.modules))
    assert rest == 0 and order == scheduler.modules * num_steps
    return {name: [ids(batch) for batch in batches if module_of(batch) == name] for name in scheduler.modules}


def module_of(batch: Iterable[Instance]) -> str:
    (name,) = {instance["task"].metadata for instance in batch}
    return name


def ids(batch: Iterable[Instance]) -> List[int]:
    return [instance["id"].metadata for instance in batch]


def counts(batches: List[List[int]]) -> Counter:
    return Counter(itertools.chain.from_iterable(batches))


# The scheduler.


def test_each_corpus_once_an_epoch() -> None:
    scheduler = OneBatchPerModule(["lm", "ner", "few"], {"ner": 10}, epoch="ner")
    data = corpora(ner=95, lm=1234, few=10)
    for _ in range(3):
        batches = epoch(scheduler, data)
        # 95 sentences in tens: ten steps, one of them smaller.
        assert sorted(map(len, batches["ner"])) == [5] + [10] * 9
        # The others in as many batches of equal size, but for one sentence.
        assert Counter(map(len, batches["lm"])) == {123: 6, 124: 4}
        assert list(map(len, batches["few"])) == [1] * 10
        for name, instances in data.items():
            assert counts(batches[name]) == Counter(range(len(instances)))


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 150), st.integers(1, 150))
def test_each_corpus_once_or_evenly_again_and_again(num_ner: int, size: int, num_lm: int, num_other: int) -> None:
    scheduler = OneBatchPerModule(["ner", "lm", "other"], {"ner": size}, epoch="ner")
    data = corpora(ner=num_ner, lm=num_lm, other=num_other)
    num_steps = -(-num_ner // size)
    total: Dict[str, Counter] = {name: Counter() for name in data}
    for _ in range(3):
        batches = epoch(scheduler, data)
        assert counts(batches["ner"]) == Counter(range(num_ner))
        assert sorted(map(len, batches["ner"]))[1:] == [size] * (num_steps - 1)
        for name in ("lm", "other"):
            sizes = list(map(len, batches[name]))
            assert len(sizes) == num_steps and max(sizes) - min(sizes) <= 1
            if len(data[name]) >= num_steps:
                assert counts(batches[name]) == Counter(range(len(data[name])))
            else:
                assert sizes == [1] * num_steps
            total[name] += counts(batches[name])
            # No sentence more than once more often than another, over all epochs.
            every = [total[name][number] for number in range(len(data[name]))]
            assert max(every) - min(every) <= 1


def test_a_corpus_smaller_than_the_steps_is_read_again_and_again() -> None:
    scheduler = OneBatchPerModule(["ner", "lm"], {"ner": 1}, epoch="ner")
    data = corpora(ner=8, lm=3)
    # 8 of it in the first epoch; the second goes on with the third reading.
    assert sorted(counts(epoch(scheduler, data)["lm"]).values()) == [2, 3, 3]
    first = counts(epoch(scheduler, data)["lm"])
    assert sum(first.values()) == 8
    third = counts(epoch(scheduler, data)["lm"])
    assert sum(third.values()) == 8 and set(third) == {0, 1, 2}


def test_a_module_at_its_own_pace_goes_on_from_epoch_to_epoch() -> None:
    scheduler = OneBatchPerModule(["lm", "ner"], {"ner": 5, "lm": 4}, epoch="ner")
    data = corpora(ner=15, lm=10)  # 3 steps: 12 sentences of 10
    total: Counter = Counter()
    for number in range(1, 6):
        batches = epoch(scheduler, data)["lm"]
        # Never a short batch, also where the corpus ends.
        assert list(map(len, batches)) == [4] * 3
        total += counts(batches)
        assert sum(total.values()) == 12 * number
        assert max(total.values()) - min(total[i] for i in range(10)) <= 1
    assert total == Counter({i: 6 for i in range(10)})


def test_a_large_corpus_at_its_own_pace_takes_several_epochs() -> None:
    scheduler = OneBatchPerModule(["lm", "ner"], {"ner": 5, "lm": 4}, epoch="ner")
    data = corpora(ner=10, lm=20)
    epochs = [counts(epoch(scheduler, data)["lm"]) for _ in range(5)]  # 8 of 20 each
    assert len(epochs[0]) == 8 and len(epochs[0] + epochs[1]) == 16
    # Two and a half epochs are one reading; five are two.
    assert sum(epochs, Counter()) == Counter({i: 2 for i in range(20)})


def test_a_batch_that_is_larger_than_its_corpus() -> None:
    scheduler = OneBatchPerModule(["lm", "ner"], {"ner": 50, "lm": 7}, epoch="ner")
    batches = epoch(scheduler, corpora(ner=3, lm=2))
    assert list(map(len, batches["ner"])) == [3]
    (batch,) = batches["lm"]
    assert sorted(Counter(batch).values()) == [3, 4]


def padding(batches: Iterable[List[Instance]]) -> float:
    lengths = [[len(instance["tokens"]) for instance in batch] for batch in batches]
    return 1 - sum(map(sum, lengths)) / sum(max(batch) * len(batch) for batch in lengths)


def test_sentences_of_like_length_stand_together() -> None:
    scheduler = OneBatchPerModule(["lm", "ner"], {"ner": 12}, epoch="ner")
    data = corpora(ner=1200, lm=1700)
    batches = list(scheduler.batch_instances(data))
    for name, instances in data.items():
        own = [batch for batch in batches if module_of(batch) == name]
        unsorted = [instances[start : start + 12] for start in range(0, len(instances), 12)]
        assert padding(own) < 0.1 < 0.4 < padding(unsorted)
        # But not all of the short ones at first.
        means = [sum(len(instance["tokens"]) for instance in batch) / len(batch) for batch in own]
        firsts, lasts = sum(means[:25]) / 25, sum(means[25:50]) / 25
        assert 0.6 < firsts / lasts < 1.7 and means[:50] != sorted(means[:50])


def test_the_shorter_batch_is_not_always_of_the_same_length() -> None:
    """Else the longest sentences, or the shortest, would always be in the small batch."""
    scheduler = OneBatchPerModule(["ner"], {"ner": 10}, epoch="ner")
    data = corpora(ner=103)
    random.seed(0)
    short = [min(epoch(scheduler, data)["ner"], key=len) for _ in range(12)]
    assert {len(batch) for batch in short} == {3} and len({tuple(batch) for batch in short}) > 4


def test_the_length_is_that_of_the_longest_text_field() -> None:
    rows = [
        Instance({"tokens": TextField([Token("a")] * a), "other": TextField([Token("b")] * b), "n": MetadataField(a)})
        for a, b in ((1, 9), (2, 1), (1, 8), (3, 1))
    ]
    batches = list(OneBatchPerModule(["ner"], {"ner": 2}, epoch="ner").batch_instances({"ner": rows}))
    assert {frozenset(rows.index(instance) for instance in batch) for batch in batches} == {
        frozenset({0, 2}),
        frozenset({1, 3}),
    }


@pytest.mark.parametrize("steps_of_others, expected", [(3, [4, 4, 2]), (5, [4, 4, 4, 4, 2])])
def test_workers_with_unequal_shares_make_as_many_steps(steps_of_others, expected, monkeypatch) -> None:
    """A worker with fewer sentences fills its last steps from the beginning, so that none waits for it in vain."""
    asked: List[int] = []
    monkeypatch.setattr(scheduler_file, "is_distributed", lambda: True)
    monkeypatch.setattr(
        scheduler_file, "dist_reduce", lambda value, operation: asked.append(value) or max(value, steps_of_others)
    )
    scheduler = OneBatchPerModule(["lm", "ner"], {"ner": 4}, epoch="ner")
    batches = epoch(scheduler, corpora(ner=10, lm=33))
    assert set(asked) == {3}
    assert sorted(map(len, batches["ner"]), reverse=True) == expected
    assert set(counts(batches["ner"])) == set(range(10))
    assert counts(batches["lm"]) == Counter(range(33))


WRONG = [
    ({"modules": []}, r"'modules' of the scheduler are \[\]"),
    ({"modules": ["ner", "lm", "ner"]}, r"\['ner', 'lm', 'ner'\].*none of them twice"),
    ({"epoch": "nre"}, "no module 'nre'; its 'modules' are lm, ner"),
    ({"batch_size": {"ner": 2, "ml": 3}}, "no module 'ml'; its 'modules' are lm, ner"),
    ({"batch_size": {"lm": 3}}, "'batch_size' of the scheduler lacks 'ner'"),
    ({"batch_size": {"ner": 2, "lm": 0}}, "'batch_size' of module 'lm' is 0"),
    ({"batch_size": {"ner": -2}}, "'batch_size' of module 'ner' is -2"),
]


@pytest.mark.parametrize("options, message", WRONG, ids=[message for _, message in WRONG])
def test_settings_that_do_not_fit(options: Dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        OneBatchPerModule(**{"modules": ["lm", "ner"], "batch_size": {"ner": 2}, "epoch": "ner", **options})


def test_data_that_does_not_fit() -> None:
    scheduler = OneBatchPerModule(["lm", "ner"], {"ner": 2}, epoch="ner")
    with pytest.raises(ConfigurationError, match="modules lm, nre, and the scheduler lm, ner"):
        next(iter(scheduler.batch_instances(corpora(lm=3, nre=3))))
    for empty in ({"lm": 0, "ner": 3}, {"lm": 3, "ner": 0}):
        name = next(name for name, size in empty.items() if size == 0)
        with pytest.raises(ConfigurationError, match=f"corpus of module '{name}' is empty"):
            next(iter(scheduler.batch_instances(corpora(**empty))))
    with pytest.raises(ConfigurationError, match="needs the data loader of the same name"):
        next(iter(scheduler.batch_instances({"lm": iter([]), "ner": iter([])})))  # type: ignore[dict-item]


# The loader.

NER, RAW = CORPORA / "bio" / "train.conll", CORPORA / "bio" / "raw.txt"
INDEXERS = {"words": NormalisedWordIndexer()}


def loader_of(
    batch_size: Dict[str, int],
    lm: Any = str(RAW),
    **options: Any,
) -> ModuleLoader:
    paths = {"lm": lm, "ner": str(NER)}
    reader = MultiTaskDatasetReader(
        {
            "lm": RawTextReader(token_indexers=INDEXERS, tokenised=True, lm_namespace="lm"),
            "ner": ConllNerReader(token_indexers=INDEXERS),
        }
    )
    loader = ModuleLoader(reader, paths, OneBatchPerModule(["lm", "ner"], batch_size, epoch="ner"), **options)
    loader.index_with(Vocabulary.from_instances(loader.iter_instances()))
    return loader


def sentences(batches: Iterable[Dict[str, Any]], module: str) -> List[List[str]]:
    """Each batch's sentences, as one string each."""
    return [
        [" ".join(sentence["words"]) for sentence in batch["metadata"]]
        for batch in batches
        if set(batch["module_name"]) == {module}
    ]


def lines_of_both() -> Dict[str, Counter]:
    return {
        "lm": Counter(RAW.read_text(encoding="utf-8").splitlines()),
        "ner": Counter(" ".join(word for word, _ in block) for block in conll_blocks(NER)),
    }


LAZY = [{}, {"max_instances_in_memory": {"lm": 10}}, {"max_instances_in_memory": {"lm": 10, "ner": 10}}]


@pytest.mark.parametrize("options", LAZY, ids=["in-memory", "lm-lazy", "both-lazy"])
def test_files_are_read_once_an_epoch(options) -> None:
    loader = loader_of({"ner": 8}, **options)
    expected = lines_of_both()
    num_steps = -(-sum(expected["ner"].values()) // 8)
    assert len(loader) == 2 * num_steps > 20
    for _ in range(2):
        batches = list(loader)
        assert [batch["module_name"][0] for batch in batches] == ["lm", "ner"] * num_steps
        assert all(len(set(batch["module_name"])) == 1 for batch in batches)
        assert all("lm_words" in batch for batch in batches[::2]) and all("tags" in batch for batch in batches[1::2])
        for module, lines in expected.items():
            assert Counter(itertools.chain(*sentences(batches, module))) == lines
            assert max(map(len, sentences(batches, module))) - min(map(len, sentences(batches, module))) <= (
                1 if module == "lm" else 7
            )


@pytest.mark.parametrize("lazy", [False, True])
def test_a_file_at_its_own_pace(lazy: bool) -> None:
    loader = loader_of({"ner": 20, "lm": 9}, **({"max_instances_in_memory": {"lm": 10}} if lazy else {}))
    total: Counter = Counter()
    for _ in range(6):
        batches = sentences(list(loader), "lm")
        assert set(map(len, batches)) == {9}
        total += Counter(itertools.chain(*batches))
        # No line is read a second time more often than another, wherever epochs end.
        every = [total[line] / times for line, times in lines_of_both()["lm"].items()]
        assert max(every) - min(every) <= 1
    assert min(every) >= 1


@pytest.mark.slow
def test_a_packed_file_that_is_larger_than_the_pool(tmp_path) -> None:
    """Lazily, from a file of more sentences than AllenNLP shuffles at a time."""
    lines = [f"sentence {chr(0x4E00 + number)} {'. ' * (number % 7)}".strip() for number in range(3000)]
    path = tmp_path / "raw.txt.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode("utf-8")))
    loader = loader_of({"ner": 8}, str(path), max_instances_in_memory={"lm": 10})
    random.seed(0)
    first, second = (sentences(list(loader), "lm") for _ in range(2))
    for batches in (first, second):
        assert sorted(itertools.chain(*batches)) == sorted(lines)
    assert loader._loaders["lm"]._instances is None, "all of it is kept in memory"
    # Shuffled: the first batches hold lines that stand far apart.
    assert first != second and max(map(lines.index, first[0])) - min(map(lines.index, first[0])) > 300


@pytest.mark.parametrize("options", LAZY, ids=["in-memory", "lm-lazy", "both-lazy"])
def test_batches_differ_from_epoch_to_epoch_and_follow_the_seed(options) -> None:
    def epochs() -> List[List[List[str]]]:
        random.seed(5)
        loader = loader_of({"ner": 8}, **options)
        return [sentences(list(loader), module) for _ in range(2) for module in ("lm", "ner")]

    first, again = epochs(), epochs()
    assert first == again
    for one, other in ((first[0], first[2]), (first[1], first[3])):
        together = {frozenset(batch) for batch in one} & {frozenset(batch) for batch in other}
        assert len(together) < 0.2 * len(one)


def test_without_shuffling_sentences_stay_in_their_groups_and_nothing_is_random() -> None:
    """A group, of fifty batches, goes from short to long, in every epoch and whatever the seed."""
    loader = loader_of({"ner": 1}, shuffle=False)
    lines = RAW.read_text(encoding="utf-8").splitlines()
    epochs = []
    for seed in (1, 2):
        random.seed(seed)
        batches = sentences(list(loader), "lm")
        assert len(batches) == sum(lines_of_both()["ner"].values()) > 60
        first = list(itertools.chain(*batches[:50]))
        assert first == sorted(lines[: len(first)], key=lambda line: len(line.split()))
        epochs.append(batches)
    assert epochs[0] == epochs[1]


def test_from_a_config(tmp_path) -> None:
    params = Params(
        {
            "type": "one_batch_per_module",
            "scheduler": {
                "type": "one_batch_per_module",
                "modules": ["ner", "lm"],
                "epoch": "lm",
                "batch_size": {"lm": 16},
            },
            "max_instances_in_memory": {"lm": 10},
            "shuffle": True,
        }
    )
    reader = MultiTaskDatasetReader(
        {"lm": RawTextReader(token_indexers=INDEXERS), "ner": ConllNerReader(token_indexers=INDEXERS)}
    )
    loader = DataLoader.from_params(params, reader=reader, data_path={"lm": str(RAW), "ner": str(NER)})
    assert isinstance(loader, ModuleLoader) and isinstance(loader.scheduler, OneBatchPerModule)
    assert len(loader) == 2 * 10 and loader.scheduler.modules == ["ner", "lm"]
    assert MultiTaskScheduler.by_name("one_batch_per_module") is OneBatchPerModule


def test_an_updates_batches_are_known_before_the_first_of_them_is_given() -> None:
    loader = loader_of({"ner": 8})
    updates: List[List[Dict[str, Any]]] = []
    loader.before_update = updates.append
    for number, batch in enumerate(loader):
        assert len(updates) == number // 2 + 1 and updates[-1][number % 2] is batch
    assert [[batch["module_name"][0] for batch in update] for update in updates] == [["lm", "ner"]] * (len(loader) // 2)


def test_readers_paths_and_scheduler_name_the_same_modules() -> None:
    readers = {"lm": RawTextReader(token_indexers=INDEXERS), "ner": ConllNerReader(token_indexers=INDEXERS)}
    paths = {"lm": str(RAW), "ner": str(NER)}
    scheduler = OneBatchPerModule(["lm", "ner"], {"ner": 2}, epoch="ner")
    with pytest.raises(ConfigurationError, match="modules lm, nre, and the scheduler lm, ner"):
        ModuleLoader(MultiTaskDatasetReader(readers), {"lm": "x", "nre": "y"}, scheduler)
    with pytest.raises(ConfigurationError, match="modules lm, and the scheduler lm, ner"):
        ModuleLoader(MultiTaskDatasetReader({"lm": readers["lm"]}), paths, scheduler)
    with pytest.raises(ConfigurationError, match="has the scheduler HomogeneousRoundRobinScheduler"):
        ModuleLoader(MultiTaskDatasetReader(readers), paths, HomogeneousRoundRobinScheduler(2))
    with pytest.raises(ConfigurationError, match="needs the reader 'multitask' .* RawTextReader and the path raw.txt"):
        ModuleLoader(readers["lm"], "raw.txt", scheduler)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="takes no 'instances_per_epoch'"):
        ModuleLoader(MultiTaskDatasetReader(readers), paths, scheduler, instances_per_epoch=5)


def test_our_scheduler_in_allennlps_loader_says_what_it_needs() -> None:
    reader = MultiTaskDatasetReader(
        {"lm": RawTextReader(token_indexers=INDEXERS), "ner": ConllNerReader(token_indexers=INDEXERS)}
    )
    params = Params({"type": "multitask"})
    scheduler = OneBatchPerModule(["lm", "ner"], {"ner": 2}, epoch="ner")
    paths = {"lm": str(RAW), "ner": str(NER)}
    loader = DataLoader.from_params(params, reader=reader, data_path=paths, scheduler=scheduler)
    loader.index_with(Vocabulary.from_instances(loader.iter_instances()))
    with pytest.raises(ConfigurationError, match="needs the data loader of the same name"):
        next(iter(loader))


def test_a_file_without_sentences(tmp_path) -> None:
    """A sample of nothing; a file without text is the reader's error."""
    path = tmp_path / "raw.txt"
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"raw\.txt:1: there is no text"):
        loader_of({"ner": 8}, str(path))
    reader = MultiTaskDatasetReader(
        {
            "lm": RawTextReader(token_indexers=INDEXERS, tokenised=True),
            "ner": ConllNerReader(token_indexers=INDEXERS, max_instances=0),
        }
    )
    scheduler = OneBatchPerModule(["lm", "ner"], {"lm": 8}, epoch="lm")
    loader = ModuleLoader(reader, {"lm": str(RAW), "ner": str(NER)}, scheduler)
    loader.index_with(Vocabulary())
    with pytest.raises(ConfigurationError, match="corpus of module 'ner' is empty"):
        next(iter(loader))
