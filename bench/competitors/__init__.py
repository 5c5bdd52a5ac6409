"""The competitors, in the order in which they run."""

import sys
from dataclasses import replace

from bench import envelope
from bench.competitor import Competitor
from bench.competitors import node
from bench.workloads import ALL as EVERYTHING
from bench.workloads import CREATES, MIX, UPDATES

_ALL = "all"
_CONFIRMS = "confirms only"
_CONCURRENCIES = (1, 4, 8, 16)
_SMALL_SHARE = 0.2
_BY_KEY = (CREATES, UPDATES, MIX)


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"bench.competitors.{module}")


OURS = Competitor(
    name="crudmq",
    argv=(sys.executable, "-m", "crudmq", "run"),
    guarantees=_ALL,
    has_inbox=True,
    workloads=EVERYTHING,
)
OURS_TWICE = replace(OURS, name="crudmq, 2 workers", argv=(*OURS.argv, "--workers", "2"))
SESSION_PER_MESSAGE = Competitor(
    name="session per message",
    argv=_python("session_per_message"),
    guarantees=_ALL,
    has_inbox=True,
    workloads=(CREATES,),
    concurrencies=_CONCURRENCIES,
    share=_SMALL_SHARE,
)
FASTSTREAM_BASELINE = Competitor(
    name="FastStream baseline",
    argv=_python("faststream_baseline"),
    guarantees=_CONFIRMS,
    has_inbox=False,
    workloads=EVERYTHING,
    concurrencies=_CONCURRENCIES,
    share=_SMALL_SHARE,
)
CELERY = Competitor(
    name="Celery",
    argv=_python("celery_worker"),
    guarantees=_CONFIRMS,
    has_inbox=False,
    workloads=_BY_KEY,
    concurrencies=(1, 2, 4),
    share=_SMALL_SHARE,
    envelope=envelope.celery,
)
DRAMATIQ = Competitor(
    name="Dramatiq",
    argv=_python("dramatiq_worker"),
    guarantees=_CONFIRMS,
    has_inbox=False,
    workloads=_BY_KEY,
    concurrencies=(4, 8),
    share=_SMALL_SHARE,
    envelope=envelope.dramatiq,
)
NODE = Competitor(
    name="Node.js",
    argv=("node", str(node.SCRIPT)),
    guarantees=_CONFIRMS,
    has_inbox=False,
    workloads=_BY_KEY,
    concurrencies=_CONCURRENCIES[1:],
    share=_SMALL_SHARE,
    prepare=node.install,
)
CEILING = Competitor(
    name="ceiling",
    argv=_python("ceiling"),
    guarantees=_ALL,
    has_inbox=True,
    workloads=(CREATES, UPDATES),
    concurrencies=(100, 400),
)
ALL = (OURS, OURS_TWICE, FASTSTREAM_BASELINE, SESSION_PER_MESSAGE, CELERY, DRAMATIQ, NODE, CEILING)
