"""Whether the head of a fit and that of its donor can be brought together, looked at before time is spent."""

from __future__ import annotations

from layerlab.ablation.interventions import HeadEdit, Interpolate, donor_of
from layerlab.ablation.interventions.notation import FitDonor
from layerlab.nodes.kinds.fit import Fit
from layerlab.study.planning.findings import Expansion


def check_heads(state: Expansion) -> None:
    """Note interventions on a head whose donor has another task or other labels, or that change nothing."""
    for run in state.runs.values():
        for item in run.after:
            donor = donor_of(item)
            if not isinstance(item, HeadEdit) or not isinstance(donor, FitDonor) or donor.fit is None:
                continue
            wrong = _unlike(state, state.fits[run.fit], state.fits[donor.fit])
            if isinstance(item, Interpolate) and item.weight == 0:
                wrong = "a weight of 0 is the fit itself, which is the baseline; expected another number"
            if wrong:
                state.note(f"ablation {run.columns['ablation']!r}", wrong)


def _unlike(state: Expansion, own: Fit, donor: Fit) -> str:
    """Say why two fits have no common head; empty if they have one, or if their labels are not known."""
    if own.spec.task != donor.spec.task:
        return f"the donor is a fit on {donor.spec.task}, whose head is another than that of {own.spec.task}"
    names = [(fit.spec.task, fit.source) for fit in (own, donor)]
    if names[0] == names[1] or not all(name in state.heads for name in names):
        return ""
    # This late, since it imports torch.
    from layerlab.ablation.interventions.donors import unlike_labels

    labels, others = (state.heads[name] for name in names)
    said = f"fits on {own.source} and {donor.source} for {own.spec.task}: "
    return "" if labels == others else said + unlike_labels(labels, others)
