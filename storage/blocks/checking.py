"""What is wrong in the store, if anything: the embedded store's fsck. It changes nothing.

Goes on beside a server that writes: what is found is looked at again where writing could explain it.
"""

from collections.abc import Iterator

from storage.backend import Fault, Kind, NotHere, Unreadable
from storage.blocks.collecting import broken_off, unmarked
from storage.blocks.folder import Folder
from storage.protocol.cids import RAW, Cid
from storage.protocol.dag_pb import BadBlock
from storage.protocol.reading import node, walk


def check(folder: Folder) -> Iterator[Fault]:
    """Yield every fault. Where a pinned file cannot be walked, which blocks are left over is not known."""
    whole = True
    for root in folder.roots():
        faults = _of_file(folder, root)
        # What was unpinned meanwhile may be gone in part.
        if faults and folder.pin(root).exists():
            whole = False
            yield from faults
    for place in broken_off(folder):
        yield Fault(Kind.LEFT_OVER, place.relative_to(folder.path).as_posix())
    if not whole:
        return
    try:
        for found in unmarked(folder, remove=False):
            name = found.path.name if found.block else found.path.relative_to(folder.path).as_posix()
            yield Fault(Kind.LEFT_OVER, name)
    except Unreadable as changed:
        yield Fault(Kind.DAMAGED, str(changed.root), changed.root)


def _of_file(folder: Folder, root: Cid) -> list[Fault]:
    faults: list[Fault] = []

    def children(cid: Cid) -> list[Cid]:
        try:
            return [part.cid for part in node(cid, folder.read).parts]
        except NotHere:
            faults.append(Fault(Kind.MISSING, str(cid), root))
        except (BadBlock, OSError):
            # A disk that cannot give a block back has damaged it too.
            faults.append(Fault(Kind.DAMAGED, str(cid), root))
        return []

    for cid in walk(root, children):
        if cid.codec == RAW:
            children(cid)
    return faults
