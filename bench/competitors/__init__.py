"""Those who are measured, in the order in which they run."""

import sys
from dataclasses import replace

from bench import envelope
from bench.competitor import Competitor
from bench.competitors import node
from bench.workloads import ALL as EVERYTHING
from bench.workloads import CREATES, MIX, UPDATES

_ALL = "all"
_CONFIRMS = "confirms only"
_AT_ONCE = (1, 4, 8, 16)
_SLOW = 0.2
_BY_KEY = (CREATES, UPDATES, MIX)


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"bench.competitors.{module}")


OURS = Competitor(
    name="crudmq",
    argv=(sys.executable, "-m", "service", "run"),
    guarantees=_ALL,
    has_inbox=True,
    workloads=EVERYTHING,
)
OURS_TWICE = replace(OURS, name="crudmq, 2 workers", argv=(*OURS.argv, "--workers", "2"))
ONE_SESSION_EACH = Competitor(
    name="one session each",
    argv=_python("one_session"),
    guarantees=_ALL,
    has_inbox=True,
    workloads=(CREATES,),
    concurrencies=_AT_ONCE,
    share=_SLOW,
)
USUAL_WAY = Competitor(
    name="the usual way",
    argv=_python("usual_way"),
    guarantees=_CONFIRMS,
    has_inbox=False,
    workloads=EVERYTHING,
    concurrencies=_AT_ONCE,
    share=_SLOW,
)
CELERY = Competitor(
    name="Celery",
    argv=_python("celery_worker"),
    guarantees=_CONFIRMS,
    has_inbox=False,
    workloads=_BY_KEY,
    concurrencies=(1, 2, 4),
    share=_SLOW,
    envelope=envelope.celery,
)
DRAMATIQ = Competitor(
    name="Dramatiq",
    argv=_python("dramatiq_worker"),
    guarantees=_CONFIRMS,
    has_inbox=False,
    workloads=_BY_KEY,
    concurrencies=(4, 8),
    share=_SLOW,
    envelope=envelope.dramatiq,
)
NODE = Competitor(
    name="Node.js",
    argv=("node", str(node.SCRIPT)),
    guarantees=_CONFIRMS,
    has_inbox=False,
    workloads=_BY_KEY,
    concurrencies=_AT_ONCE[1:],
    share=_SLOW,
    prepare=node.install,
)
LIMIT = Competitor(
    name="the limit",
    argv=_python("limit"),
    guarantees=_ALL,
    has_inbox=True,
    workloads=(CREATES, UPDATES),
    concurrencies=(100, 400),
)
ALL = (OURS, OURS_TWICE, USUAL_WAY, ONE_SESSION_EACH, CELERY, DRAMATIQ, NODE, LIMIT)
