"""Time the decoding of dependency trees against the encoding of their sentences.

    python tests/decoding_speed.py DATA/ud --parser parser.pt

trains a parser briefly on one treebank (or takes it from the file, if that is there), and times test
sentences of this language and, zero-shot, of another, where heads chosen one by one are seldom a tree.
Encoding is the encoder alone; a BERT of mBERT's size with random weights is timed on some of the same
sentences, since what decoding costs depends on the scores and not on the encoder. Times are processor
seconds of one thread; the parts take turns, and the least of all repeats counts. Prints JSON: seconds for
1,000 sentences, the share of sentences whose heads chosen one by one are a tree, and ratios to encoding.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, BertConfig, BertModel, PreTrainedModel

from layerlab.data.formats.conllu import read_conllu
from layerlab.data.sentences import Corpus, digest_sentences
from layerlab.finetuning.evaluation import EVALUATION_PIECES
from layerlab.finetuning.loop import fine_tune
from layerlab.finetuning.model import Batch, TaskModel, build_task_model, forward_batch
from layerlab.finetuning.training import Training
from layerlab.models.encoder import Encoder
from layerlab.models.stored.bundled import bundled_folder
from layerlab.tasks.corpora import EncodedCorpus, encode_corpus
from layerlab.tasks.heads.biaffine import tree_scores
from layerlab.tasks.heads.trees import are_trees, best_trees
from layerlab.tasks.parsing import Parsing
from layerlab.training.batching import length_batches

PARSER = Parsing()
Batches = list[tuple[Batch, Sequence[Any]]]


def main() -> None:
    """Train or load the parser, time it and print what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("treebanks", type=Path, help="folder of <language>/{train,dev,test}.conllu")
    parser.add_argument(
        "--parser", type=Path, required=True, help="weights; trained and kept if there are none"
    )
    parser.add_argument("--source", default="en")
    parser.add_argument("--targets", nargs="+", default=["en", "de"])
    parser.add_argument("--encoder", default="minimbert", help="one that comes with layerlab, or a folder")
    parser.add_argument("--train", type=int, default=1500, help="training sentences")
    parser.add_argument("--sentences", type=int, default=1000, help="test sentences of each language")
    parser.add_argument("--wide", type=int, default=100, help="of these, for the encoder of mBERT's size")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = bundled_folder(options.encoder) or Path(options.encoder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    train = read(options.treebanks, options.source, "train", options.train)
    labels = PARSER.label_set(train.sentences)
    model = build_task_model(Encoder.from_pretrained(str(folder)), PARSER, len(labels), 0.1, 0)
    if options.parser.exists():
        model.load_state_dict(torch.load(options.parser, weights_only=True))
    else:
        dev = read(options.treebanks, options.source, "dev", 100)
        raw = {"train": train, "dev": dev}
        corpora = {split: encode_corpus(PARSER, one, labels, tokenizer, 256) for split, one in raw.items()}
        fine_tune(model, PARSER, corpora, Training(learning_rate=8e-4), seed=0, device="cpu")
        torch.save(model.state_dict(), options.parser)
    wide = wide_encoder(len(tokenizer))
    for target in options.targets:
        test = read(options.treebanks, target, "test", options.sentences)
        corpus = encode_corpus(PARSER, test, labels, tokenizer, 256)
        found = time_parts(model.eval(), corpus, options.repeats)
        found |= time_wide(wide, corpus, options.wide, found)
        print(json.dumps({"source": options.source, "target": target, **found}), flush=True)


def read(treebanks: Path, language: str, split: str, n_sentences: int) -> Corpus:
    """Read the first sentences of a treebank."""
    sentences = tuple(read_conllu(treebanks / language / f"{split}.conllu"))[:n_sentences]
    return Corpus(sentences, digest_sentences(sentences), f"{language}/{split}")


def wide_encoder(n_pieces: int) -> PreTrainedModel:
    """Build a BERT of mBERT's depth and width with random weights and a small vocabulary."""
    model = BertModel(BertConfig(vocab_size=n_pieces), add_pooling_layer=False)
    model.eval()  # type: ignore[no-untyped-call]
    return model


def batches_of(corpus: EncodedCorpus, every: int = 1) -> Batches:
    """Return the batches of an evaluation, of every so manieth sentence."""
    examples = corpus.encoded.examples[::every]
    lengths = [len(example.input_ids) for example in examples]
    chosen = ([examples[index] for index in batch] for batch in length_batches(lengths, EVALUATION_PIECES))
    return [(PARSER.collate(batch, corpus.pad_id), batch) for batch in chosen]


def encode(encoder: torch.nn.Module, batches: Batches) -> None:
    """Run the encoder alone."""
    for batch, _ in batches:
        encoder(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])


def time_parts(model: TaskModel, corpus: EncodedCorpus, repeats: int) -> dict[str, Any]:
    """Time encoding, the whole of the decoding, and two parts of it: scores and the search for trees."""
    batches = batches_of(corpus)
    with torch.inference_mode():
        outputs = [forward_batch(model, batch) for batch, _ in batches]
        scores = [tree_scores(output).numpy() for output in outputs]
        lengths = [[len(example.words) for example in chosen] for _, chosen in batches]

        def decode() -> None:
            for output, (batch, chosen) in zip(outputs, batches, strict=True):
                PARSER.decode(output, batch, chosen)

        def search() -> None:
            for one, n_words in zip(scores, lengths, strict=True):
                best_trees(one, n_words)

        def score() -> None:
            for output in outputs:
                tree_scores(output)

        parts = {
            "encode": lambda: encode(model.encoder, batches),
            "decode": decode,
            "scores": score,
            "trees": search,
        }
        seconds = take_turns(parts, repeats)
    n = len(corpus.sentences)
    greedy = sum(count_trees(*one) for one in zip(scores, lengths, strict=True))
    return {
        "sentences": n,
        "greedy_trees": round(greedy / n, 3),
        **{f"{part}_s": round(1000 / n * value, 4) for part, value in seconds.items()},
        "decode_to_encode": round(seconds["decode"] / seconds["encode"], 4),
        "trees_to_encode": round(seconds["trees"] / seconds["encode"], 4),
    }


def time_wide(
    encoder: PreTrainedModel, corpus: EncodedCorpus, n_sentences: int, found: dict[str, Any]
) -> dict[str, Any]:
    """Time encoding at mBERT's size, of evenly spread sentences, beside the decoding that was timed."""
    batches = batches_of(corpus, max(1, len(corpus.encoded.examples) // n_sentences))
    with torch.inference_mode():
        seconds = take_turns({"encode": lambda: encode(encoder, batches)}, 1)["encode"]
    per_thousand = 1000 / sum(len(chosen) for _, chosen in batches) * seconds
    return {
        "wide_encode_s": round(per_thousand, 3),
        "decode_to_wide_encode": round(found["decode_s"] / per_thousand, 5),
    }


def take_turns(parts: dict[str, Callable[[], None]], repeats: int) -> dict[str, float]:
    """Return the least processor seconds of each part; the parts take turns."""
    least = dict.fromkeys(parts, float("inf"))
    for _ in range(repeats):
        for name, part in parts.items():
            start = time.process_time()
            part()
            least[name] = min(least[name], time.process_time() - start)
    return least


def count_trees(scores: Any, lengths: Sequence[int]) -> int:
    """Count the sentences in which each word's best head gives a tree."""
    count = 0
    for one, n in zip(scores, lengths, strict=True):
        own = one[:n, : n + 1].copy()
        own[range(n), range(1, n + 1)] = -float("inf")
        heads = own.argmax(axis=1)[None]
        count += int(are_trees(heads, heads >= 0).all())
    return count


if __name__ == "__main__":
    main()
