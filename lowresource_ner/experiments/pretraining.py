"""Creates the step that pretrains an encoder, and finds the files that it reads."""

import dataclasses
import os
from pathlib import Path
from typing import Iterable, List, Mapping

from lowresource_ner.archives.archive import is_archive
from lowresource_ner.common.options import as_arguments
from lowresource_ner.experiments.step import Step
from lowresource_ner.experiments.steps import allennlp, files_of
from lowresource_ner.pretraining.options import REPORT, WEIGHTS, PretrainingOptions, named_files


def pretraining(name: str, options: PretrainingOptions, inputs: Iterable[Path], runs: Path, device: int) -> Step:
    """
    Returns the step that pretrains an encoder, which is written to the folder `runs / name`; see `allennlp pretrain-encoder`.

    # Parameters

    inputs : `Iterable[Path]`
        See `files_of_pretraining`.
    """
    folder = runs / name
    return Step(
        name=name,
        command=allennlp("pretrain-encoder", folder, *as_arguments(options)),
        settings={"pretraining": dataclasses.asdict(options)},
        inputs=list(inputs),
        outputs=[folder / WEIGHTS, folder / REPORT],
        variables={"CUDA_VISIBLE_DEVICES": _visible(device)},
        resumes_itself=True,
    )


def files_of_pretraining(options: PretrainingOptions, earlier: Mapping[str, Step]) -> List[Path]:
    """
    Returns the texts, and the files of the encoder that the pretraining starts from.

    # Parameters

    earlier : `Mapping[str, Step]`
        The steps that are run before, by the paths of their products.

    # Raises

    `ValueError`
        If a file is missing, two texts have the same name, or the encoder is an archive.
    """
    encoder = options.encoder or ""
    texts = [Path(path) for files in (options.text, options.parallel) for path in named_files(files).values()]
    missing = [str(path) for path in texts if not path.is_file()]
    if os.path.isabs(encoder) and encoder not in earlier and not Path(encoder).exists():
        missing.append(encoder)
    if missing:
        raise ValueError("files are missing:\n  - " + "\n  - ".join(missing))
    is_tagger = earlier[encoder].is_training if encoder in earlier else bool(encoder) and is_archive(encoder)
    if is_tagger:
        raise ValueError(
            f"{encoder} is an archive, and cannot be pretrained. Pretrain an encoder, and train the tagger after it."
        )
    if encoder in earlier:
        return [*texts, *earlier[encoder].outputs]
    return [*texts, *(files_of(encoder) if encoder else [])]


def _visible(device: int) -> str:
    """Returns the only device that transformers' Trainer may see, which would use all GPUs; "" for the CPU."""
    if device < 0:
        return ""
    visible = [each for each in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if each]
    return visible[device] if device < len(visible) else str(device)
