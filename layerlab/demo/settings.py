"""Settings of the demonstration: its languages, its encoder, its study."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from layerlab.study.study import Study


@dataclass(frozen=True)
class DemoSettings:
    """The size of a demonstration.

    Attributes:
        about: One sentence for the reader.
        encoder: Name of an encoder that comes with layerlab.
        family: The controlled languages on which it was pretrained.
        languages: The source, then the targets, from near to far.
        sizes: Annotated sentences of each split.
        measured: Sentence pairs on which alignment is measured.
        windows: Layers that are re-initialised together.
        epochs: Passes of a fine-tuning.
        seeds: Seeds of the study.
        tasks: Its tasks.
    """

    about: str
    encoder: str = "minimbert-controlled"
    family: str = "instrument"
    languages: tuple[str, ...] = ("ilda", "jora", "kesa", "lomi", "mavu", "nari", "orsa")
    sizes: dict[str, int] = field(default_factory=lambda: {"train": 2000, "dev": 200, "test": 300})
    measured: int = 300
    windows: int = 2
    epochs: int = 2
    seeds: tuple[int, ...] = (0, 1)
    tasks: tuple[str, ...] = ("upos", "ner")

    def study(self, folder: Path) -> Study:
        """Return the study: fresh weights in each window of layers before fine-tuning, and the baseline."""
        from layerlab.ablation.ablation import Ablation
        from layerlab.ablation.interventions import Reset
        from layerlab.ablation.sweep import sweep
        from layerlab.data.catalog.corpus import DataSpec
        from layerlab.finetuning.training import Training
        from layerlab.study.study import Study

        source, *targets = self.languages
        return Study(
            name="demo",
            description=f"RANDOM-INIT of each {self.windows} layers of {self.encoder}.",
            models=(self.encoder,),
            tasks=self.tasks,
            data=DataSpec(root=folder / "data"),
            sources=(source,),
            targets=tuple(targets),
            seeds=self.seeds,
            ablations=(Ablation.none(), *sweep("before", Reset, windows=self.windows)),
            training=Training(
                epochs=self.epochs, learning_rate=1e-3, head_learning_rate=5e-3, batch_size=24, max_length=128
            ),
        )


FULL: Final = DemoSettings("It takes less than five minutes on two cores; a second call skips what is done.")
QUICK: Final = DemoSettings(
    "This is the quick form: too small for any finding, it shows that every part works.",
    languages=("ilda", "jora", "nari"),
    sizes={"train": 60, "dev": 20, "test": 20},
    measured=20,
    windows=6,
    epochs=1,
    seeds=(0,),
)
