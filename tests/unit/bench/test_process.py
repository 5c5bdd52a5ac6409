"""A competitor's process: it is waited for with a deadline, and nothing of it is left behind."""

import asyncio
import os
import sys

import pytest

from bench.process import Clock, ProcessError, started

SERVES = """
import signal, sys
print("consuming", file=sys.stderr, flush=True)
signal.sigwait([signal.SIGTERM])
sys.exit(int(sys.argv[1]))
"""
CALLS_SIGTERM_OFF = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])"


def python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", program, *arguments]


def serves(code: int = 0) -> list[str]:
    return python(f"{CALLS_SIGTERM_OFF}\n{SERVES}", str(code))


async def test_it_is_seen_to_consume_and_to_stop() -> None:
    async with started(serves(), os.environ) as process:
        await process.consuming()
        await process.stop()


async def test_its_own_failure_is_noticed() -> None:
    async with started(serves(3), os.environ) as process:
        await process.consuming()
        with pytest.raises(ProcessError, match="exited with 3"):
            await process.stop()


async def test_one_that_ends_before_it_consumes_tells_its_last_words() -> None:
    async with started(python("import sys; sys.exit('no such queue')"), os.environ) as process:
        with pytest.raises(ProcessError, match=r"(?s)the process ended.*no such queue"):
            await process.consuming()


async def test_waiting_for_what_it_never_does_has_an_end() -> None:
    async with started(serves(), os.environ) as process:
        await process.consuming()
        with pytest.raises(ProcessError, match="took longer than 0 s"):
            await process.unless_it_ends(asyncio.Event().wait(), 0.01)


async def test_nothing_of_it_is_left_not_even_its_children() -> None:
    starts_another = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', sys.argv[1], '0'])\n{SERVES}"
    async with asyncio.timeout(30):
        # It ends when nobody holds the pipe any more.
        async with started(python(starts_another, serves()[-2]), os.environ) as process:
            await process.consuming()


async def test_memory_and_cpu_time_are_its_own() -> None:
    async with started(serves(), os.environ) as process:
        await process.consuming()
        clock = Clock(process)
        seconds, cpu_seconds = clock.read()
        assert seconds > 0
        assert cpu_seconds >= 0
        peak = process.peak_bytes()
        assert peak is None or peak > 2**20
