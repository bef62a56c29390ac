"""
Writes a tiny ELMo with random weights, in the format that AllenNLP's `elmo_token_embedder` reads. It is for tests, since the
published ELMos are large. The same seed gives the same weights.

    python scripts/make_elmo.py fixtures/elmo

writes options.json and weights.hdf5 to the folder.
"""

import argparse
import json
from pathlib import Path
from typing import Any, Dict

import h5py
import numpy

from lowresource_ner.common.whole_files import written_whole

NUM_CHARACTERS = 261
"""256 bytes, and 5 symbols for the begin and end of sentences and words, and for padding. AllenNLP adds a row for masking."""


def options(dim: int) -> Dict[str, Any]:
    """Returns the published options with smaller sizes: word vectors and both LSTM layers have `dim` dimensions per direction."""
    return {
        "char_cnn": {
            "activation": "relu",
            "embedding": {"dim": 4},
            "filters": [[1, 4], [2, 4], [3, 8]],
            "max_characters_per_token": 50,
            "n_characters": NUM_CHARACTERS,
            "n_highway": 1,
        },
        "lstm": {
            "cell_clip": 3,
            "dim": 2 * dim,
            "n_layers": 2,
            "proj_clip": 3,
            "projection_dim": dim,
            "use_skip_connections": True,
        },
    }


def weights(options: Dict[str, Any], seed: int) -> Dict[str, numpy.ndarray]:
    """Returns random weights by their names in the file, in the shapes of TensorFlow, with inputs first."""
    characters, lstm = options["char_cnn"], options["lstm"]
    num_filters = sum(number for _, number in characters["filters"])
    shapes = {"char_embed": (NUM_CHARACTERS, characters["embedding"]["dim"])}
    for index, (width, number) in enumerate(characters["filters"]):
        shapes[f"CNN/W_cnn_{index}"] = (1, width, characters["embedding"]["dim"], number)
        shapes[f"CNN/b_cnn_{index}"] = (number,)
    for layer in range(characters["n_highway"]):
        for gate in ("carry", "transform"):
            shapes[f"CNN_high_{layer}/W_{gate}"] = (num_filters, num_filters)
            shapes[f"CNN_high_{layer}/b_{gate}"] = (num_filters,)
    shapes["CNN_proj/W_proj"] = (num_filters, lstm["projection_dim"])
    shapes["CNN_proj/b_proj"] = (lstm["projection_dim"],)
    for direction in range(2):
        for layer in range(lstm["n_layers"]):
            cell = f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"
            shapes[f"{cell}/W_0"] = (2 * lstm["projection_dim"], 4 * lstm["dim"])
            shapes[f"{cell}/B"] = (4 * lstm["dim"],)
            shapes[f"{cell}/W_P_0"] = (lstm["dim"], lstm["projection_dim"])
    random = numpy.random.default_rng(seed)
    return {name: random.normal(0, 0.5, shape).astype(numpy.float32) for name, shape in shapes.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder to write options.json and weights.hdf5 to")
    parser.add_argument("--dim", type=int, default=8, help="dimensions of each direction (default: 8)")
    parser.add_argument("--seed", type=int, default=13, help="seed of the random weights (default: 13)")
    args = parser.parse_args()

    small = options(args.dim)
    args.folder.mkdir(parents=True, exist_ok=True)
    with written_whole(args.folder / "options.json") as new:
        new.write_text(json.dumps(small, indent=2) + "\n", encoding="utf-8")
    with written_whole(args.folder / "weights.hdf5") as new, h5py.File(new, "w") as file:
        for name, values in weights(small, args.seed).items():
            file[name] = values


if __name__ == "__main__":
    main()
