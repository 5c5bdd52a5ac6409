"""A competitor's process: waits have deadlines, and no process is left behind."""

import asyncio
import os
import sys

import pytest

from bench.process import Clock, ProcessError, started

CONSUMER = """
import signal, sys
print("consuming", file=sys.stderr, flush=True)
signal.sigwait([signal.SIGTERM])
sys.exit(int(sys.argv[1]))
"""
BLOCKS_SIGTERM = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])"


def python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", program, *arguments]


def consumer(code: int = 0) -> list[str]:
    return python(f"{BLOCKS_SIGTERM}\n{CONSUMER}", str(code))


async def test_it_consumes_and_stops() -> None:
    async with started(consumer(), os.environ) as process:
        await process.consuming()
        await process.stop()


async def test_a_failing_exit_code_is_an_error() -> None:
    async with started(consumer(3), os.environ) as process:
        await process.consuming()
        with pytest.raises(ProcessError, match="exited with code 3"):
            await process.stop()


async def test_a_process_that_ends_before_it_consumes_is_reported_with_its_output() -> None:
    async with started(python("import sys; sys.exit('no such queue')"), os.environ) as process:
        with pytest.raises(ProcessError, match=r"(?s)the process ended.*no such queue"):
            await process.consuming()


async def test_waiting_has_a_deadline() -> None:
    async with started(consumer(), os.environ) as process:
        await process.consuming()
        with pytest.raises(ProcessError, match="took longer than 0 s"):
            await process.unless_it_ends(asyncio.Event().wait(), 0.01)


async def test_its_children_are_killed_with_it() -> None:
    starts_a_child = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', sys.argv[1], '0'])\n{CONSUMER}"
    async with asyncio.timeout(30):
        # It ends when no process holds the pipe.
        async with started(python(starts_a_child, consumer()[-2]), os.environ) as process:
            await process.consuming()


async def test_memory_and_cpu_time_are_measured() -> None:
    async with started(consumer(), os.environ) as process:
        await process.consuming()
        clock = Clock(process)
        seconds, cpu_seconds = clock.read()
        assert seconds > 0
        assert cpu_seconds >= 0
        peak = process.peak_bytes()
        assert peak is None or peak > 2**20
