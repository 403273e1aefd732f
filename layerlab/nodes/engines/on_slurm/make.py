"""The options of the engine on SLURM, and the one thing that is done with them."""

from __future__ import annotations

from importlib.util import find_spec
from shutil import which
from typing import Final

from layerlab.errors import Problem, StudyError
from layerlab.nodes.engines.engine import Engine
from layerlab.nodes.engines.on_slurm.engine import SlurmEngine
from layerlab.nodes.engines.on_slurm.options import SlurmOptions
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store

COMMANDS: Final = ("sbatch", "srun", "squeue", "scancel", "scontrol")


class Slurm(SlurmOptions):
    """Makes the engine that carries out units in jobs of a SLURM cluster; hosts see the results directory.

    Its fields are those of :class:`layerlab.nodes.engines.on_slurm.options.SlurmOptions`.
    """

    def __call__(self, store: Store, settings: WorkSettings, slots: int | None = None) -> Engine:
        """Make the engine.

        Raises:
            StudyError: submitit is not installed, or this host has no SLURM.
        """
        if find_spec("submitit") is None:
            said = "engine 'slurm' needs the package submitit; `pip install 'layerlab[slurm]'` installs it"
            raise StudyError([Problem("slurm", said)], "--engine")
        lacking = [command for command in COMMANDS if which(command) is None]
        if lacking and self.cluster == "slurm":
            said = (
                f"this host submits no jobs: there is no {', '.join(lacking)}; expected a login node of SLURM"
            )
            raise StudyError([Problem("slurm", said)], "--engine")
        return SlurmEngine(store, settings, self, slots)
