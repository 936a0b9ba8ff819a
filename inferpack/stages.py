"""Whether a stage has to run, and why: what is on record against what there is now."""

from enum import StrEnum

from inferpack import keys
from inferpack.images import Image
from inferpack.keys import Input, Inputs
from inferpack.proof import Proof
from inferpack.provenance import DIRTY
from inferpack.wheel import BuiltWheel


class Stage(StrEnum):
    WHEEL = "wheel"
    IMAGE = "image"
    PROOF = "proof"
    NAMES = "names"


NEVER = "never made"
OVER = "over its budget"
GONE = "gone from the engine"
TENTATIVE = "made of uncommitted changes"
UNNAMED = "a run was ended before it"
ANOTHER = "another CPU"
FAILED = "its last proof failed"


def wheel(known: BuiltWheel | None, now: Inputs) -> tuple[str, ...]:
    """Why a wheel must be built."""
    return (NEVER,) if known is None else keys.changed(known.inputs, now)


def image(
    known: Image | None, now: Inputs, *, budget: int, held: bool, revision: str
) -> tuple[str, ...]:
    """Why an image must be built; `budget`: the bytes that it may have unpacked, `held`: whether
    the engine has the recorded one, `revision`: the commit of the checkout.
    """
    if known is None:
        return (NEVER,)
    if known.unpacked > budget:
        return (OVER,)
    if changed := keys.changed(known.inputs, now):
        return changed
    if not held:
        return (GONE,)
    tentative = known.revision.endswith(DIRTY) and not revision.endswith(DIRTY)
    return (TENTATIVE,) if tentative else ()


def proof(
    known: Proof | None, digest: str, machine: str | None, judge: str = ""
) -> tuple[str, ...]:
    """Why an image of this digest must be proven on this machine; None: on any. `judge`: what
    decides today whether an emulated run is a proof; empty: whatever it was.
    """
    if known is None or not known.report.is_proof:
        return (FAILED,) if known else ("never proven",)
    if known.digest != digest:
        return (str(Stage.IMAGE),)
    if judge and known.emulation and known.emulation.judge != judge:
        return (Input.CODE,)
    return (ANOTHER,) if machine not in (None, known.machine) else ()
