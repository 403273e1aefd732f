"""Writing a whole family at once: corpora, parallel sentences, pairs and dictionaries, all or nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from layerlab.errors import DataError, unknown
from layerlab.files import publishing, read_json, write_text
from layerlab.languages.corpora.tabular import write_dictionaries, write_nli, write_parallel
from layerlab.languages.corpora.treebanks import SPLITS, write_corpora
from layerlab.languages.family import default_family, known_languages
from layerlab.languages.language import Family
from layerlab.languages.world.registers import Domain

MANIFEST: Final = "manifest.json"
# Raised when the same request gives other bytes, so that an older folder is not taken for a current one.
WRITER_VERSION: Final = 1


@dataclass(frozen=True)
class Request:
    """What to write.

    Attributes:
        languages: Languages of the family; by default all.
        sizes: Tagged sentences of each split.
        nli: Inference pairs of each split; none by default.
        text_sentences: Sentences of plain text in each language and domain.
        seed: Of all meanings.
        domains: Kinds of text.
        family: The languages; None for those that come with layerlab.
    """

    languages: tuple[str, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=lambda: {"train": 3000, "dev": 500, "test": 1000})
    nli: Mapping[str, int] = field(default_factory=dict)
    text_sentences: int = 0
    seed: int = 0
    domains: tuple[Domain, ...] = ()
    family: Family | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the request as plain values, with the whole family."""
        family = self.family or default_family()
        domains = [{**asdict(domain), "register": domain.register.model_dump()} for domain in self.domains]
        plain = {
            "version": WRITER_VERSION,
            "languages": self.languages or known_languages(family),
            "sizes": dict(self.sizes),
            "nli": dict(self.nli),
            "text_sentences": self.text_sentences,
            "seed": self.seed,
            "domains": domains,
            "family": family.model_dump(mode="json"),
        }
        read_back: dict[str, Any] = json.loads(json.dumps(plain))
        return read_back


def write_languages(
    folder: str | Path, request: Request, progress: Callable[[str], None] | None = None
) -> tuple[Path, bool]:
    """Write everything that is requested into a folder, which appears only when it is complete.

    Besides the files of ``write_corpora``, ``write_parallel``, ``write_nli`` and ``write_dictionaries`` it
    gets ``manifest.json``: the request, the family with it, and the files with their sizes in bytes.

    Returns:
        The folder, and whether it was written now; False if it was complete already.

    Raises:
        DataError: The folder has other content, or the request names an unknown language, domain or split.
    """
    target, say = Path(folder), progress or (lambda line: None)
    if _is_there(target, request):
        return target, False
    for split in request.nli:
        if split not in SPLITS:
            raise DataError(unknown("split", split, SPLITS))
    with publishing(target) as place:
        files = _write_parts(place, request, say)
        sizes = {path.relative_to(place).as_posix(): path.stat().st_size for path in files}
        manifest = {"request": request.to_dict(), "files": sizes}
        text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
        write_text(place / MANIFEST, text)
    return target, True


def _write_parts(place: Path, request: Request, say: Callable[[str], None]) -> tuple[Path, ...]:
    languages, seed, family = request.languages, request.seed, request.family
    began = time.monotonic()

    def report(what: str) -> None:
        say(f"{time.monotonic() - began:6.1f} s  {what}")

    corpora = write_corpora(
        place,
        languages,
        request.sizes,
        request.text_sentences,
        seed,
        family=family,
        domains=request.domains,
        progress=report,
    )
    shared = {split: size for split, size in request.sizes.items() if split != "train"}
    parallel = write_parallel(place, languages, shared, seed, family=family)
    report("parallel sentences")
    pairs = write_nli(place, languages, request.nli, seed, family=family)
    if pairs:
        report("inference pairs")
    dictionaries = write_dictionaries(place, languages, family=family)
    report("dictionaries")
    return (*corpora, *parallel, *pairs, *dictionaries)


def _is_there(target: Path, request: Request) -> bool:
    """Return whether a folder has what is requested.

    Raises:
        DataError: It holds something else.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return False
    try:
        found = read_json(target / MANIFEST)["request"]
    except (DataError, KeyError, TypeError) as error:
        raise DataError(
            f"{target} exists and was not written by `layerlab languages write`; give a new folder"
        ) from error
    asked = request.to_dict()
    if found == asked:
        return True
    other = sorted(key for key in {*asked, *found} if asked.get(key) != found.get(key))
    raise DataError(
        f"{target} holds languages written with other {', '.join(other)}; remove it or give another folder"
    )
