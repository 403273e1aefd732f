"""The options of the engine on Ray, and the one thing that is done with them; Ray is not imported here."""

from __future__ import annotations

from importlib.util import find_spec

from layerlab.errors import Problem, StudyError
from layerlab.nodes.engines.engine import Engine
from layerlab.nodes.engines.on_ray.engine import RayEngine
from layerlab.nodes.engines.on_ray.options import RayOptions
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store


class Ray(RayOptions):
    """Makes the engine that carries out units on a Ray cluster; results go to a directory that all hosts see.

    Its fields are those of :class:`layerlab.nodes.engines.on_ray.options.RayOptions`.
    """

    def __call__(self, store: Store, settings: WorkSettings, slots: int | None = None) -> Engine:
        """Make the engine.

        Raises:
            StudyError: Ray is not installed.
            StoreError: There is no such cluster, or none of its hosts is large enough.
        """
        if find_spec("ray") is None:
            said = "engine 'ray' needs the package ray; `pip install 'layerlab[ray]'` installs it"
            raise StudyError([Problem("ray", said)], "--engine")
        return RayEngine(store, settings, self, slots)
