"""A disk that is full, as far as one process can tell."""

import contextlib
import resource
from collections.abc import Iterator


@contextlib.contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """The kernel refuses what would make a file longer than so many bytes: an `OSError`, "File too large"."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
