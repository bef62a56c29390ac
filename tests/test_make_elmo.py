"""scripts/make_elmo.py, and stm_elmo with the ELMo that it writes."""

import json
import runpy
import shutil
import sys
from pathlib import Path

import h5py
import numpy
import pytest
import torch
from allennlp.models import load_archive
from allennlp.modules.elmo import Elmo, batch_to_ids
from conftest import CORPORA, FIXTURES, REPOSITORY, conll_blocks
from seqeval.metrics import f1_score

from lowresource_ner.modules import SubwordTransformer

SCRIPT = REPOSITORY / "scripts" / "make_elmo.py"
ELMO = FIXTURES / "elmo"
CONFIGS = REPOSITORY / "training_configs/cross_domain"
BIO_TEST = CORPORA / "bio" / "test.conll"


def make(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, arguments)])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def weights(path: Path) -> dict[str, numpy.ndarray]:
    found: dict[str, numpy.ndarray] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[...]}) if isinstance(item, h5py.Dataset) else None)
    return found


def test_the_documented_command_writes_the_fixture(monkeypatch, tmp_path) -> None:
    assert "python scripts/make_elmo.py fixtures/elmo\n" in SCRIPT.read_text(encoding="utf-8")
    make(monkeypatch, tmp_path)
    assert (tmp_path / "options.json").read_bytes() == (ELMO / "options.json").read_bytes()
    written, expected = weights(tmp_path / "weights.hdf5"), weights(ELMO / "weights.hdf5")
    assert written.keys() == expected.keys() and len(written) == 25
    for name, values in expected.items():
        numpy.testing.assert_allclose(written[name], values, atol=1e-6, err_msg=name)


def vectors(folder: Path, *words: str) -> torch.Tensor:
    """(num_words, 2 * dim): of a new ELMo each time, since it remembers the batch before."""
    elmo = Elmo(str(folder / "options.json"), str(folder / "weights.hdf5"), 1, dropout=0).eval()
    (representation,) = elmo(batch_to_ids([list(words)]))["elmo_representations"]
    return representation[0].detach()


def test_allennlp_reads_it_and_each_direction_knows_its_own_side_of_a_word(monkeypatch, tmp_path) -> None:
    make(monkeypatch, tmp_path, "--dim", 6, "--seed", 5)
    one, other_end, other_start = (
        vectors(tmp_path, *text.split()) for text in ("a cell died here", "a cell died there", "the cell died here")
    )
    assert one.shape == (4, 12)
    forward, backward = slice(None, 6), slice(6, None)
    torch.testing.assert_close(one[1, forward], other_end[1, forward])
    torch.testing.assert_close(one[1, backward], other_start[1, backward])
    assert (one[1, backward] - other_end[1, backward]).abs().max() > 1e-3
    assert (one[1, forward] - other_start[1, forward]).abs().max() > 1e-3


@pytest.mark.parametrize("system", ["stm_elmo", "stm_transformer", "stm_transformer_frozen"])
def test_vectors_of_a_pretrained_model_are_trained_with_evaluated_and_predicted(
    allennlp, system, settings, tmp_path
) -> None:
    """What is frozen stays as it was, and the archive finds what it needs."""
    elmo = shutil.copytree(ELMO, tmp_path / "elmo")
    overrides = {"model.encoder.hidden_size": 16, "trainer.num_epochs": 6, "model.dropout": 0.1}
    if system != "stm_transformer":
        overrides["trainer.optimizer"] = {"type": "adam", "lr": 0.02}
    files = {"ELMO_OPTIONS": str(elmo / "options.json"), "ELMO_WEIGHTS": str(elmo / "weights.hdf5")}
    config = CONFIGS / f"{system}.jsonnet"
    allennlp("train", config, "-s", tmp_path / "run", "-o", json.dumps(overrides), **files)
    archive = tmp_path / "run/model.tar.gz"
    allennlp("evaluate", archive, BIO_TEST, "--output-file", tmp_path / "scores.json")
    allennlp("tag", archive, BIO_TEST, "--predictor", "ner_conll", "--output-file", tmp_path / "tagged.conll")
    found = [[line[1] for line in block] for block in conll_blocks(tmp_path / "tagged.conll")]
    gold = [[line[-1] for line in block] for block in conll_blocks(BIO_TEST)]
    scores = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    if system != "stm_elmo":  # which remembers the batch before
        assert scores["f1"] == pytest.approx(f1_score(gold, found))
    assert len(found) == len(gold) and [len(tags) for tags in found] == [len(tags) for tags in gold]

    model = load_archive(archive).model
    if system == "stm_elmo":
        embedder = model._embedder.token_embedder_elmo._elmo
        written = weights(elmo / "weights.hdf5")
        torch.testing.assert_close(
            embedder._elmo_lstm._token_embedder._projection.weight,
            torch.from_numpy(written["CNN_proj/W_proj"].T.copy()),
        )
        assert [weight.item() for weight in embedder.scalar_mix_0.scalar_parameters] != [0.0, 0.0, 0.0], (
            "it has learned"
        )
    else:
        begun = SubwordTransformer(settings["ENCODER"]).transformer.state_dict()
        learned = model._embedder.token_embedder_encoder.transformer.state_dict()
        changed = [name for name in begun if not torch.equal(begun[name], learned[name])]
        assert bool(changed) == (system == "stm_transformer")
