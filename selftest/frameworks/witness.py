"""A second process that runs the same models with the library's log on.

TensorFlow's oneDNN looks for ONEDNN_VERBOSE when it first computes and never again, and a log that
is always on makes INT8 models of this size 8 % slower. So this process is copied before anything is
computed: the copy shares all memory that neither changes, and does nothing until it is asked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from selftest.errors import first_line
from selftest.evidence import NoEvidence
from selftest.frameworks import Precision
from selftest.tasks import Array

Look = Callable[[str, Precision, Array], str]
"""From a task's name, a precision and inputs to the log of one inference."""


class Witness:
    def __init__(self, look: Look, environment: Mapping[str, str]) -> None:
        """`environment`: what the copy has set, and the original has not."""
        self._why = ""
        self._pipe, theirs = Pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            copy = os.fork()
        except OSError as err:
            self._why = f"no second process is allowed ({err.strerror})"
            return
        if not copy:
            self._pipe.close()
            os.environ.update(environment)
            _serve(theirs, look)
        theirs.close()

    def log(self, task: str, precision: Precision, inputs: Array) -> str:
        """Raises NoEvidence where the copy cannot tell."""
        if self._why:
            raise NoEvidence(self._why)
        try:
            self._pipe.send((task, precision, inputs))
            log, why = self._pipe.recv()
        except (EOFError, OSError) as err:
            raise NoEvidence("the process that watches the library has ended") from err
        if log is None:
            raise NoEvidence(f"the process that watches the library: {why}")
        return str(log)


def _serve(pipe: Connection, look: Look) -> None:
    """Answers until nobody asks any more, and ends this process whatever happens."""
    try:
        while True:
            task, precision, inputs = pipe.recv()
            try:
                pipe.send((look(task, precision, inputs), ""))
            except (RuntimeError, MemoryError) as err:
                pipe.send((None, first_line(err)))
    except EOFError:
        pass
    finally:
        os._exit(0)
