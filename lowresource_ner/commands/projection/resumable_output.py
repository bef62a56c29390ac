"""Output files of a long command, which continues where it was interrupted."""

import contextlib
import shutil
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Sequence

from allennlp.common.checks import ConfigurationError

from lowresource_ner.commands.projection.text_options import unfinished_folder
from lowresource_ner.commands.whole_output import NO_SPACE, is_stdout, whole_output
from lowresource_ner.common.resumable_parts import InUseError, OtherWorkError, ResumableParts


class ResumableOutput(NamedTuple):
    """The parts to write to, and the final path of each part but the internal ones."""

    parts: ResumableParts
    paths: Dict[str, str]


@contextlib.contextmanager
def resumable_output(
    output_files: Sequence[str], inputs: Sequence[str], settings: Mapping[str, Any], internal: Sequence[str] = ()
) -> Iterator[ResumableOutput]:
    """
    Opens output files that appear, all complete, when the block ends without an error. Until then, the work is in the folder
    FIRST_OUTPUT.unfinished, from which the same command continues.

    # Parameters

    output_files : `Sequence[str]`
    inputs : `Sequence[str]`
        Files that must not be overwritten; see `whole_output`.
    settings : `Mapping[str, Any]`
        All that the output depends on, as JSON.
    internal : `Sequence[str]`
        Names of parts that are not output.

    # Raises

    `ConfigurationError`
        On entering, if an output cannot be written, comes twice or is an input, or if the folder has the work of another command
        or is in use. Later, if the disk is full.
    """
    if len(set(output_files)) < len(output_files) or any(map(is_stdout, output_files)):
        raise ConfigurationError(
            f"The output files are {', '.join(output_files)}. Give different files, none of which is standard output, so that an "
            "interrupted command can continue."
        )
    names = [f"{number}-{path.rpartition('/')[2]}" for number, path in enumerate(output_files)]
    folder = unfinished_folder(output_files[0])
    with contextlib.ExitStack() as stack:
        files: List[Any] = [stack.enter_context(whole_output(path, "wb", inputs)) for path in output_files]
        with _errors_explained(str(folder)):
            parts = ResumableParts(folder, [*names, *internal], settings)
            stack.callback(parts.close)
            yield ResumableOutput(parts, dict(zip(names, output_files)))
        for name, file in zip(names, files):
            with parts.path(name).open("rb") as part:
                shutil.copyfileobj(part, file)
    parts.remove()


@contextlib.contextmanager
def _errors_explained(folder: str) -> Iterator[None]:
    try:
        yield
    except InUseError as error:
        raise ConfigurationError(f"{error}. Wait for it, or name another output file.") from error
    except OtherWorkError as error:
        raise ConfigurationError(
            f"'{folder}' has the unfinished work of another command ({error}). Give its options and inputs to continue it, "
            "remove the folder to begin anew, or name another output file."
        ) from error
    except OSError as error:
        remedy = "Free space" if error.errno in NO_SPACE else "Check its disk and permissions"
        raise ConfigurationError(
            f"'{folder}' cannot be written: {error.strerror or error}. {remedy}; the same command then continues from there."
        ) from error
