"""Output files of a long command that can be resumed after an interruption."""

import contextlib
import shutil
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Sequence

from allennlp.common.checks import ConfigurationError

from lowresource_ner.commands.projection.text_options import unfinished_folder
from lowresource_ner.commands.whole_output import NO_SPACE, is_stdout, whole_output
from lowresource_ner.common.resumable_parts import InUseError, OtherWorkError, ResumableParts


class ResumableOutput(NamedTuple):
    """The parts to write to, and the final path of each part that is not internal."""

    parts: ResumableParts
    paths: Dict[str, str]


@contextlib.contextmanager
def resumable_output(
    output_files: Sequence[str], inputs: Sequence[str], settings: Mapping[str, Any], internal: Sequence[str] = ()
) -> Iterator[ResumableOutput]:
    """
    Opens output files that are created, all complete, when the block ends without an error. Until then, the work is stored in
    the folder FIRST_OUTPUT.unfinished, from which the same command resumes.

    # Parameters

    output_files : `Sequence[str]`
    inputs : `Sequence[str]`
        Files that must not be overwritten; see `whole_output`.
    settings : `Mapping[str, Any]`
        Everything that the output depends on; must be serializable as JSON.
    internal : `Sequence[str]`
        Names of parts that are not output files.

    # Raises

    `ConfigurationError`
        On entry, if an output cannot be written, is listed twice or is also an input, or if the folder is in use or contains the
        work of another command. Later, if the disk is full.
    """
    if len(set(output_files)) < len(output_files) or any(map(is_stdout, output_files)):
        raise ConfigurationError(
            f"The output files are {', '.join(output_files)}. They must be distinct, and none can be standard output, because an "
            "interrupted command resumes from files."
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
        raise ConfigurationError(f"{error}. Wait until it finishes, or choose another output file.") from error
    except OtherWorkError as error:
        raise ConfigurationError(
            f"'{folder}' contains the unfinished work of another command ({error}). Use its options and inputs to resume it, "
            "remove the folder to start over, or choose another output file."
        ) from error
    except OSError as error:
        remedy = "Free disk space" if error.errno in NO_SPACE else "Check the disk and the permissions"
        raise ConfigurationError(
            f"'{folder}' cannot be written: {error.strerror or error}. {remedy}, then run the same command again to resume."
        ) from error
