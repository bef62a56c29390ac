"""How a command ends that is told to stop."""

import contextlib
import signal
import sys
from typing import Iterator

_OF_SIGINT = 128 + signal.SIGINT
_OF_SIGPIPE = 128 + signal.SIGPIPE


@contextlib.contextmanager
def broken_off(message: str) -> Iterator[None]:
    """
    Around the work of a command: Ctrl-C and SIGTERM are errors in it, so that it can tidy up, and then end the process with the
    message and the exit status of Ctrl-C, 130; a reader of the output that goes away (`| head`) ends it silently, with 141.
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
