"""Whether a stage has to run, and why: what is on record against what there is now."""

from enum import StrEnum

from inferpack import keys
from inferpack.images import Image
from inferpack.keys import Inputs
from inferpack.proof import Proof
from inferpack.provenance import DIRTY
from inferpack.wheel import BuiltWheel


class Stage(StrEnum):
    WHEEL = "wheel"
    IMAGE = "image"
    PROOF = "proof"
    NAMES = "names"


NEVER = "never made"
GONE = "gone from the engine"
TENTATIVE = "made of uncommitted changes"
UNNAMED = "a run was ended before it"
ANOTHER = "another CPU"
FAILED = "its last proof failed"


def wheel(known: BuiltWheel | None, now: Inputs) -> tuple[str, ...]:
    """Why a wheel must be built."""
    return (NEVER,) if known is None else keys.changed(known.inputs, now)


def image(known: Image | None, now: Inputs, *, held: bool, revision: str) -> tuple[str, ...]:
    """Why an image must be built; `held`: whether the engine has the recorded one, `revision`: the
    commit of the checkout.
    """
    if known is None:
        return (NEVER,)
    if changed := keys.changed(known.inputs, now):
        return changed
    if not held:
        return (GONE,)
    tentative = known.revision.endswith(DIRTY) and not revision.endswith(DIRTY)
    return (TENTATIVE,) if tentative else ()


def proof(known: Proof | None, digest: str, machine: str | None) -> tuple[str, ...]:
    """Why an image of this digest must be proven on this machine; None: on any."""
    if known is None or not known.report.is_proof:
        return (FAILED,) if known else ("never proven",)
    if known.digest != digest:
        return (str(Stage.IMAGE),)
    return (ANOTHER,) if machine not in (None, known.machine) else ()
