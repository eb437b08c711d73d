"""Which of several processes this is, where `torchrun` started more than one: the main one writes, judges and prints.

Without `torchrun` there is one process, which is the main one, and nothing is imported to tell.
"""

import os
from collections.abc import Callable
from datetime import timedelta

PATIENCE = timedelta(
    days=7
)  # that processes wait for each other: judging may take long, and torchrun ends the stranded


def n_processes() -> int:
    """How many there are."""
    return int(os.environ.get("WORLD_SIZE", 1)) if "RANK" in os.environ else 1


def is_main() -> bool:
    """Whether this is the one that writes, judges and prints."""
    return n_processes() == 1 or os.environ["RANK"] == "0"


def join() -> None:
    """Makes the processes one group, on CPU."""
    if n_processes() > 1:
        from accelerate import PartialState

        PartialState(cpu=True, timeout=PATIENCE)


def wait() -> None:
    """Until all processes are here."""
    if n_processes() > 1:
        from accelerate import PartialState

        join()
        PartialState().wait_for_everyone()


def by_main(work: Callable[[], None]) -> None:
    """Something that only the main process does, while the others wait."""
    wait()
    if is_main():
        work()
    wait()
