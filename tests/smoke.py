"""A whole study from an installed layerlab, run where the source tree is out of reach.

python smoke.py FOLDER
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Make invented languages and an encoder, ablate it from the command line, and look at what came out."""
    import layerlab
    from layerlab.languages.corpora.treebanks import write_corpora
    from layerlab.pretraining.run import pretrain
    from layerlab.pretraining.spec import Architecture, PretrainingSpec

    assert "site-packages" in str(Path(layerlab.__file__).resolve()), layerlab.__file__
    assert layerlab.bundled_encoders() == ("minimbert", "minimbert-controlled")
    folder = Path(sys.argv[1])
    data = folder / "data"
    write_corpora(data, ("avin", "belo"), sizes={"train": 60, "dev": 20, "test": 20}, text_sentences=200)
    spec = PretrainingSpec(
        name="smoke",
        architecture=Architecture(
            model_type="bert",
            options={
                "hidden_size": 32,
                "num_hidden_layers": 4,
                "num_attention_heads": 2,
                "intermediate_size": 64,
                "max_position_embeddings": 128,
            },
        ),
        corpora={language: (data / f"{language}.txt",) for language in ("avin", "belo")},
        vocab_size=400,
        sequence_length=32,
        batch_sequences=4,
        warmup_steps=2,
        steps=10,
        held_out_sequences=2,
        evaluate_every=10,
    )
    for name in layerlab.bundled_encoders():
        assert layerlab.Encoder.from_pretrained(name).n_layers == 12, name
    encoder = pretrain(spec, folder / "encoder")
    ablate(folder, encoder, data)
    print("the installed package works")


def ablate(folder: Path, encoder: Path, data: Path) -> None:
    """Run a study from the command line and look at its figures."""
    study = folder / "study.yaml"
    study.write_text(
        f"name: smoke\nmodels: ['{encoder}']\ntasks: [upos, ner]\ndata: {{root: '{data}'}}\n"
        "sources: [avin]\ntargets: [belo]\n"
        "ablations: [none, {sweep: {windows: 2}, before: [{reset: {to: random}}]}]\n"
        "training: {epochs: 1, learning_rate: 1e-3}\n",
        encoding="utf-8",
    )
    results = folder / "results"
    for command in (
        ["describe", str(encoder)],
        ["plan", str(study)],
        ["run", str(study), "--results", str(results), "--workers", "2"],
        ["status", str(study), "--results", str(results)],
        ["table", str(results)],
        ["plot", str(results), "--png"],
        ["report", str(results)],
    ):
        subprocess.run([Path(sys.executable).with_name("layerlab"), *command], check=True)
    made = {path.suffix for path in (results / "figures").rglob("*") if path.is_file()}
    assert made == {".pdf", ".png"}, made
    assert (results / "report" / "index.html").is_file()


if __name__ == "__main__":
    main()
