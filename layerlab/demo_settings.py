"""What the demonstration is made of: its languages, its encoder, its study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from layerlab.languages.description import Family
    from layerlab.pretraining.spec import PretrainingSpec
    from layerlab.study.study import Study

# In one script and with some inherited words everywhere, languages align within minutes of training.
_KEPT_WORDS: Final[Mapping[str, float]] = MappingProxyType(
    {"avin": 0.9, "belo": 0.7, "ciro": 0.5, "dako": 0.4, "fenu": 0.3, "gori": 0.2}
)
# Only these two change the words that they inherit; elsewhere inherited words look alike.
_CHANGED: Final = ("avin", "belo")
_SIMPLE: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "script": "latin",
        "names": 1.0,
        "number": "none",
        "tense": "word",
        "agreement": (),
        "genders": 1,
        "morphology": "agglutinative",
        "affixes": "suffix",
        "negation": "before",
        "prodrop": False,
        "homographs": 0.3,
    }
)


@dataclass(frozen=True)
class DemoSettings:
    """How large a demonstration is.

    Attributes:
        about: One sentence for the reader.
        languages: The source, then the targets, from near to far.
        sizes: Tagged sentences of each split.
        text_sentences: Sentences of pretraining text in each language.
        world: How many words of each kind there are.
        vocabulary: Pieces of the joint vocabulary.
        n_layers: Layers of the encoder.
        width: Its hidden size.
        steps: Steps of pretraining.
        epochs: Passes of a fine-tuning.
        seeds: Seeds of the study.
        tasks: Its tasks.
    """

    about: str
    languages: tuple[str, ...] = tuple(_KEPT_WORDS)
    sizes: dict[str, int] = field(default_factory=lambda: {"train": 2000, "dev": 200, "test": 300})
    text_sentences: int = 20_000
    world: dict[str, int] = field(
        default_factory=lambda: {"nouns": 80, "verbs": 40, "adjectives": 20, "adverbs": 8, "names": 30}
    )
    vocabulary: int = 1000
    n_layers: int = 4
    width: int = 64
    steps: int = 3000
    epochs: int = 4
    seeds: tuple[int, ...] = (0, 1)
    tasks: tuple[str, ...] = ("upos", "ner")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return asdict(self)

    def family(self) -> Family:
        """Return languages like those that come with layerlab, but simpler and with more in common."""
        from layerlab.languages.family import default_family

        family = default_family()
        languages = {}
        for name in self.languages:
            language = family.languages[name]
            inherited = language.cognates.model_copy(
                update={
                    "share": _KEPT_WORDS[name],
                    "changes": language.cognates.changes if name in _CHANGED else (),
                }
            )
            changes = dict(_SIMPLE) | {
                "case": "core" if language.order == "free" else "none",
                "articles": "none" if language.articles == "none" else "definite",
                "cognates": inherited,
                "loans": None,
            }
            languages[name] = language.model_copy(update=changes)
        return family.model_copy(
            update={"world": family.world.model_copy(update=self.world), "languages": languages}
        )

    def pretraining(self, data: Path) -> PretrainingSpec:
        """Return the pretraining of the encoder on the text below ``data``."""
        from layerlab.pretraining.spec import Architecture, PretrainingSpec

        options = {
            "num_hidden_layers": self.n_layers,
            "hidden_size": self.width,
            "num_attention_heads": 4,
            "intermediate_size": 2 * self.width,
            "max_position_embeddings": 128,
            "global_attn_every_n_layers": 1,
            "global_rope_theta": 10_000.0,
        }
        return PretrainingSpec(
            name="demo",
            architecture=Architecture(model_type="modernbert", options=options),
            corpora={language: (data / f"{language}.txt",) for language in self.languages},
            vocab_size=self.vocabulary,
            alphabet=200,
            sequence_length=64,
            batch_sequences=32,
            mask_rate=0.2,
            learning_rate=2e-3,
            warmup_steps=self.steps // 20,
            steps=self.steps,
            evaluate_every=self.steps,
        )

    def study(self, folder: Path) -> Study:
        """Return the study: fresh weights in each pair of layers before fine-tuning, and the baseline."""
        from layerlab.ablation.ablation import Ablation, sweep
        from layerlab.ablation.interventions import Reset
        from layerlab.data.catalog import DataSpec
        from layerlab.finetuning.training import Training
        from layerlab.study.study import Study

        source, *targets = self.languages
        return Study(
            name="demo",
            description="RANDOM-INIT of each layer pair of a small encoder of invented languages.",
            models=(str(folder / "encoder"),),
            tasks=self.tasks,
            data=DataSpec(root=folder / "data"),
            sources=(source,),
            targets=tuple(targets),
            seeds=self.seeds,
            ablations=(Ablation.none(), *sweep("before", Reset, windows=2)),
            training=Training(
                epochs=self.epochs, learning_rate=1e-3, head_learning_rate=5e-3, batch_size=24, max_length=128
            ),
        )


FULL: Final = DemoSettings("It takes about five minutes on two cores; a second call skips what is done.")
QUICK: Final = DemoSettings(
    "This is the quick form: too small for any finding, it shows that every part works.",
    languages=("avin", "belo", "gori"),
    sizes={"train": 60, "dev": 20, "test": 20},
    text_sentences=400,
    vocabulary=300,
    width=16,
    steps=20,
    epochs=1,
    seeds=(0,),
)
