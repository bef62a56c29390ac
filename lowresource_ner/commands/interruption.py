"""Ends a command cleanly when it is interrupted, or fails for a reason that its user can mend."""

import contextlib
import signal
import sys
from typing import Iterator

_OF_SIGINT = 128 + signal.SIGINT
_OF_SIGPIPE = 128 + signal.SIGPIPE


@contextlib.contextmanager
def interruptible(message: str) -> Iterator[None]:
    """
    Surrounds the work of a command. Ctrl-C and SIGTERM raise a `KeyboardInterrupt` in it, so that it can clean up, and end the
    process with the message and the exit status of Ctrl-C, 130. If the output is no longer read (`| head`), the process ends
    silently, with 141.
    """
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        print(f"\n{message}", file=sys.stderr)
        sys.exit(_OF_SIGINT)
    except BrokenPipeError:
        sys.exit(_OF_SIGPIPE)
    finally:
        signal.signal(signal.SIGTERM, handler)


@contextlib.contextmanager
def resumable_steps() -> Iterator[None]:
    """
    Surrounds the steps of an experiment, which the same command continues later: as `interruptible`; an `OSError` or `ValueError`
    ends the process with its message.
    """
    with interruptible("Interrupted. The same command continues from here."):
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            sys.exit(f"{error}. If the disk is full, free space; the same command continues from here.")
        except ValueError as error:
            sys.exit(str(error))
