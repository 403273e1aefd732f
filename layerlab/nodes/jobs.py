"""Fits and runs as jobs: an identity, and what is needed to carry them out; both go to JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from layerlab.ablation.ablation import Timed
from layerlab.ablation.interventions import FitDonor, Intervention, from_dict, to_dict
from layerlab.data.catalog import DataSpec
from layerlab.finetuning.training import Training
from layerlab.models.checkpoints import find_checkpoint
from layerlab.nodes.identity import FitSpec, RunSpec
from layerlab.nodes.measurement import Measurement


@dataclass(frozen=True)
class FitJob:
    """One fine-tuning to be done.

    Attributes:
        spec: What determines its numbers.
        model: The checkpoint's short name, for records.
        location: Folder or Hub id of the checkpoint.
        revision: Commit of a Hub model.
        source: Source language.
        before: Interventions before fine-tuning, selections and donors resolved.
        during: Interventions during fine-tuning, likewise.
        data: Where the corpora are.
        training: Hyper-parameters.
        needs: Ids of the fits that donate weights.
        pretraining: Id of the pretraining that gives the checkpoint; None for one that is there already.
    """

    spec: FitSpec
    model: str
    location: str
    revision: str | None
    source: str
    before: tuple[Intervention, ...]
    during: tuple[Timed, ...]
    data: DataSpec
    training: Training
    needs: tuple[str, ...] = ()
    pretraining: str | None = None

    @property
    def id(self) -> str:
        """The fit's identity."""
        return self.spec.id

    def title(self) -> str:
        """One line for progress and messages."""
        items = (*self.before, *(timed.intervention for timed in self.during))
        changes = "+".join(f"{next(iter(to_dict(item)))}({item.layers})" for item in items)
        return f"fit {self.model} {self.spec.task} {self.source} seed {self.spec.seed} {changes or 'none'}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a job file."""
        return {
            "kind": "fit",
            "id": self.id,
            "spec": _plain(self.spec),
            "model": self.model,
            "location": self.location,
            "revision": self.revision,
            "source": self.source,
            "before": [to_dict(item) for item in self.before],
            "during": [{"at": timed.at, **to_dict(timed.intervention)} for timed in self.during],
            "data": self.data.model_dump(mode="json"),
            "training": self.training.model_dump(mode="json"),
            "needs": list(self.needs),
        } | ({"pretraining": self.pretraining} if self.pretraining else {})

    @classmethod
    def from_dict(cls, job: Mapping[str, Any]) -> FitJob:
        """Read a job file's values back."""
        spec = dict(job["spec"])
        spec["before"], spec["during"] = tuple(spec["before"]), tuple(spec["during"])
        during = []
        for entry in job["during"]:
            rest = {key: value for key, value in entry.items() if key != "at"}
            during.append(Timed(entry["at"], from_dict(rest)))
        return cls(
            spec=FitSpec(**spec),
            model=job["model"],
            location=job["location"],
            revision=job["revision"],
            source=job["source"],
            before=tuple(from_dict(item) for item in job["before"]),
            during=tuple(during),
            data=DataSpec.model_validate(job["data"]),
            training=Training.model_validate(job["training"]),
            needs=tuple(job["needs"]),
            pretraining=job.get("pretraining"),
        )


@dataclass(frozen=True)
class RunJob:
    """One evaluation of a fit to be done.

    Attributes:
        spec: What determines its numbers.
        columns: The record's columns that name the run: study, model, task, ablation, phase, intervention,
            layers, first_layer, last_layer, donor, source, seed.
        after: Interventions after fine-tuning, selections and donors resolved.
        data: Where the corpora are.
        needs: Ids of the fits that donate weights.
        measures: What is measured beside scores; None for nothing.
    """

    spec: RunSpec
    columns: Mapping[str, Any]
    after: tuple[Intervention, ...]
    data: DataSpec
    needs: tuple[str, ...] = ()
    measures: Measurement | None = None

    @property
    def id(self) -> str:
        """The run's identity."""
        return self.spec.id

    @property
    def fit_id(self) -> str:
        """The identity of the fit that is evaluated."""
        return self.spec.fit

    def title(self) -> str:
        """One line for progress and messages."""
        c = self.columns
        return f"run {c['model']} {c['task']} {c['source']} seed {c['seed']} {c['ablation']}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a job file."""
        return {
            "kind": "run",
            "id": self.id,
            "spec": _plain(self.spec),
            "columns": dict(self.columns),
            "after": [to_dict(item) for item in self.after],
            "data": self.data.model_dump(mode="json"),
            "needs": list(self.needs),
        } | ({"measures": self.measures.to_dict()} if self.measures else {})

    @classmethod
    def from_dict(cls, job: Mapping[str, Any]) -> RunJob:
        """Read a job file's values back."""
        spec = dict(job["spec"])
        spec["after"] = tuple(spec["after"])
        return cls(
            spec=RunSpec(**spec),
            columns=job["columns"],
            after=tuple(from_dict(item) for item in job["after"]),
            data=DataSpec.model_validate(job["data"]),
            needs=tuple(job["needs"]),
            measures=Measurement.from_dict(job["measures"]) if job.get("measures") else None,
        )


def identity_of(intervention: Intervention) -> dict[str, Any]:
    """Return an intervention's plain form with its donor replaced by what identifies the donor's weights."""
    plain = to_dict(intervention)
    donor = getattr(intervention, "donor", None)
    if isinstance(donor, FitDonor):
        identity: Any = {"fit": donor.fit}
    elif isinstance(donor, str) and donor != "pretrained":
        identity = {"checkpoint": find_checkpoint(donor).digest}
    else:
        return plain
    return {kind: {**fields, "donor": identity} for kind, fields in plain.items()}


def _plain(spec: FitSpec | RunSpec) -> dict[str, Any]:
    plain = {name: getattr(spec, name) for name in spec.__dataclass_fields__}
    return {name: value for name, value in plain.items() if value is not None}
