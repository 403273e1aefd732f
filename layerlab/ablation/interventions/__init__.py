"""What can be done to layers, their heads and the embeddings of pieces.

Interventions are frozen values; importing them imports no torch.
:func:`layerlab.ablation.apply.apply` carries them out.
A new kind is a class:

>>> @intervention("negate")
... class Negate:
...     layers: Selection
...     def weights(self, encoder, donors):
...         return {name: -p.detach() for name, p in encoder.parameters(self.layers).items()}
>>> from_dict({"negate": {"layers": "0-1"}})
Negate(layers=Layers(text='0-1'))
"""

from __future__ import annotations

from layerlab.ablation.interventions.freeze import Freeze, Unfreeze
from layerlab.ablation.interventions.interpolate import Interpolate
from layerlab.ablation.interventions.kinds import (
    from_dict,
    intervention,
    known_interventions,
    options_of,
    to_dict,
)
from layerlab.ablation.interventions.notation import FitDonor, Selection
from layerlab.ablation.interventions.permute import Permute
from layerlab.ablation.interventions.protocols import (
    PHASES,
    Edit,
    HeadEdit,
    Intervention,
    Standing,
    at_depth,
    changes_output,
    donor_of,
    is_elsewhere,
    is_standing,
    kind_of,
    may_not_fit,
    order_depends_on_seed,
)
from layerlab.ablation.interventions.prune_heads import PruneHeads
from layerlab.ablation.interventions.rate import Rate
from layerlab.ablation.interventions.reset import Reset
from layerlab.ablation.interventions.scale import Scale
from layerlab.ablation.interventions.shuffle_pieces import ShufflePieces
from layerlab.ablation.interventions.skip import Skip
from layerlab.ablation.interventions.swap import Swap
from layerlab.models.anatomy import Component

__all__ = [
    "PHASES", "Component", "Edit", "FitDonor", "Freeze", "HeadEdit", "Interpolate", "Intervention",
    "Permute", "PruneHeads", "Rate", "Reset", "Scale", "Selection", "ShufflePieces", "Skip", "Standing",
    "Swap", "Unfreeze", "at_depth",
    "changes_output", "donor_of", "from_dict", "intervention", "is_elsewhere", "is_standing", "kind_of",
    "known_interventions", "may_not_fit", "options_of", "order_depends_on_seed", "to_dict",
]  # fmt: skip
