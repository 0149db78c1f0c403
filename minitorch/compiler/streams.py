"""Side by side: launches of which none needs the other, on two streams of one captured graph.

    0  a weight's gradient                        stream 0     1   2   3 (when 0 is over)
    1  the input's gradient                →
    2  a pool's gradient                          stream 1     0
    3  the weight's update

A launch that has room for few blocks leaves a part of a GPU idle. Where the next launch doesn't need it, it goes to the second
stream, and who does need it waits. What two launches have to do with each other is asked of memory (``touches``):
if one writes what the other touches, they stay in order, so a place of the arena that is used again is no trap.

torch: torch/cuda/graphs.py has no such thing; a graph is what one stream was given
"""

from .horizontal_fusion import clash, touches
from .launches import Call

__all__ = ["on_streams"]

WORKSPACE = ("workspace", 0, 1)
"""Where products leave what lies in between: one after the other."""


def on_streams(launches, found, plan, checked):
    """(stream, numbers of launches on the other one that must be over before) of each launch.   checked: as in ``together``."""
    touched = [all_touched(launch, found, plan, checked) for launch in launches]
    streams, waits, heard = [], [], [-1, -1]
    for k, mine in enumerate(touched):
        alone = k + 1 == len(launches) or (streams and streams[-1] == 1) or apart(mine, touched[k + 1])
        stream = 0 if alone else 1
        needed = [j for j in range(k) if streams[j] != stream and j > heard[stream] and apart(touched[j], mine)]
        waits.append(needed[-1:])
        heard[stream] = max([heard[stream], *needed[-1:]])
        streams.append(stream)
    return list(zip(streams, waits))


def apart(one, other):
    """Whether two launches have to stay in order."""
    return one is None or other is None or clash(one, other)


def needs_room(product):
    """Whether the library may use memory beside a product's matrices: by the plans that it has made, if it has."""
    return not product.plans or any([plan.workspace for plan in product.plans.values()])


def all_touched(launch, found, plan, checked):
    """What a launch, or any of its parts, reads and writes; None for one that touches what isn't told."""
    reads, writes = [], [WORKSPACE] if launch.__class__ is Call and needs_room(launch.product) else []
    for part in getattr(launch, "parts", ()) or (launch,):
        if part.kernel is None:
            return None
        read, written = touches(part, found, plan, checked)
        reads, writes = reads + read, writes + written
    return reads, writes
