"""Where running text comes from: files, data sets of the Hub, controlled languages, artificial text."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from layerlab.data.artificial.ways import WAYS_VERSION, Ways, make_artificial
from layerlab.errors import DataError, unknown
from layerlab.files import digest_file
from layerlab.languages.world.registers import Domain, Register, find_domain
from layerlab.pretraining.text.corpus import read_paragraphs

_STRICT = ConfigDict(frozen=True, extra="forbid")
# A controlled language's first sentences stand for what its generator gives, beside the description.
_FINGERPRINT_SENTENCES = 100


class HubText(BaseModel):
    """A text column of a data set of the Hugging Face Hub.

    Attributes:
        hub: Id of the data set, or a folder in one of the Hub's formats (of ``save_to_disk``, of parquet).
        config: Configuration, such as ``20231101.sw``.
        split: Its split, as the data set calls it.
        column: Column of text; each row is a paragraph.
        revision: Branch, tag or commit; None is the newest, so give one for text that stays the same.
        rows: At most so many rows, the first ones; None for all.
    """

    model_config = _STRICT

    hub: str
    config: str | None = None
    split: str = "train"
    column: str = "text"
    revision: str | None = None
    rows: int | None = Field(default=None, ge=1)

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        return f"{self.hub}{revision}/{self.config or ''}[{self.split}].{self.column}"


class OwnDomain(BaseModel):
    """A kind of text that a controlled language is spoken in.

    Attributes:
        name: Small letters and digits; two names give different documents.
        topics: Numbers of the world's topics, from 0.
        speech: How often the grammar makes each choice, as in a register; what is not said is as in plain
            text. Or the name of a domain that comes with layerlab, for its register.
    """

    model_config = _STRICT

    name: str = Field(pattern="^[a-z0-9]+$")
    topics: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1)
    speech: str | Register = Register()

    @property
    def domain(self) -> Domain:
        """The domain that it describes.

        Raises:
            DataError: There is no domain of the register's name.
        """
        how = self.speech
        return Domain(self.name, self.topics, find_domain(how).register if isinstance(how, str) else how)


class ControlledText(BaseModel):
    """Documents in a controlled language, as ``layerlab languages write`` gives them.

    Attributes:
        controlled: The language's name in its family.
        sentences: So many sentences, rounded up to whole documents.
        seed: Of what is meant; no two languages have the same documents under one seed.
        family: A family of languages: a file in YAML, or the name of one that comes with layerlab; None for
            its general one.
        domain: What it speaks of and how: the name of a domain that comes with layerlab, such as ``news``, or
            topics and a register; None for all topics in a plain register.
    """

    model_config = _STRICT

    controlled: str
    sentences: int = Field(default=100_000, ge=1)
    seed: int = Field(default=0, ge=0)
    family: str | None = None
    domain: str | OwnDomain | None = None

    def __str__(self) -> str:
        return f"controlled language {self.controlled}"

    @property
    def spoken_domain(self) -> Domain | None:
        """The domain; None for text of none.

        Raises:
            DataError: There is no such domain.
        """
        if isinstance(self.domain, OwnDomain):
            return self.domain.domain
        return None if self.domain is None else find_domain(self.domain)


class ArtificialText(BaseModel):
    """Another text made artificial, and to the byte the same each time.

    Attributes:
        artificial: Ways, the first one first: ``inverted``, ``permuted``, ``transliterated``, ``fake``.
        of: The text: a file, a data set of the Hub or a controlled language.
        seed: Of what is random in them.

    Reference:
        Dufter and Schütze 2020; K et al. 2020; Deshpande et al. 2022.
    """

    model_config = _STRICT

    artificial: Ways
    of: Text
    seed: int = Field(default=0, ge=0)

    def __str__(self) -> str:
        return f"{self.of}, {' and '.join(self.artificial)}"


def kind_of_text(value: Any) -> str | None:
    """Return which kind of text a plain value describes, for pydantic; None if it is none."""
    for kind, cls in (("hub", HubText), ("controlled", ControlledText), ("artificial", ArtificialText)):
        if isinstance(value, cls) or (isinstance(value, Mapping) and kind in value):
            return kind
    return "file" if isinstance(value, str | Path) else None


AnyText = Path | HubText | ControlledText | ArtificialText
Text = Annotated[
    Annotated[Path, Tag("file")]
    | Annotated[HubText, Tag("hub")]
    | Annotated[ControlledText, Tag("controlled")]
    | Annotated[ArtificialText, Tag("artificial")],
    Discriminator(
        kind_of_text,
        custom_error_type="no_text",
        custom_error_message="expected a file, {hub: ...} or {controlled: ...}, or one of these made "
        "artificial: {artificial: ..., of: ...}",
    ),
]
ArtificialText.model_rebuild()


def innermost(text: AnyText) -> Path | HubText | ControlledText:
    """Return the text that is to be found: that of which an artificial one is made."""
    return innermost(text.of) if isinstance(text, ArtificialText) else text


def placed(text: AnyText, place: Callable[[Path], Path]) -> AnyText:
    """Return a text with its path put elsewhere; a Hub id stays unless it is a folder there."""
    if isinstance(text, Path):
        return place(text)
    if isinstance(text, ControlledText):
        named = text.family is None or not Path(text.family).suffix
        return text if named else text.model_copy(update={"family": str(place(Path(str(text.family))))})
    if isinstance(text, ArtificialText):
        return text.model_copy(update={"of": placed(text.of, place)})
    there = place(Path(text.hub))
    return text.model_copy(update={"hub": str(there)}) if there.is_dir() else text


def paragraphs_of(text: AnyText, drop: Sequence[str] = ()) -> Iterator[str]:
    """Yield the paragraphs of a text, without empty ones.

    Raises:
        DataError: It is not there or does not keep its format.
    """
    if isinstance(text, Path):
        return read_paragraphs(text, drop)
    if isinstance(text, HubText):
        return _hub_paragraphs(text)
    if isinstance(text, ArtificialText):
        return (make_artificial(one, text.artificial, text.seed) for one in paragraphs_of(text.of, drop))
    return _controlled_paragraphs(text, text.sentences)


def digest_text(text: AnyText) -> str:
    """Return a digest of a text's content, 16 hexadecimal digits, as part of a pretraining's identity.

    A file's stands for its bytes, that of a data set for its paragraphs. A controlled language's stands for
    the description of its family and for its first documents, so that another generator gives another one.

    Raises:
        DataError: The text cannot be read.
    """
    if isinstance(text, Path):
        if not text.is_file():
            raise DataError(f"corpora: no such file {text}")
        return digest_file(text)[:16]
    if isinstance(text, HubText):
        return _digest_lines(_hub_paragraphs(text))
    if isinstance(text, ArtificialText):
        return _digest_lines([*text.artificial, str(WAYS_VERSION), str(text.seed), digest_text(text.of)])
    from layerlab.languages.family import find_family

    return _digest_controlled(text, find_family(text.family).model_dump_json())


@functools.lru_cache(maxsize=256)
def _digest_controlled(text: ControlledText, family: str) -> str:
    """Return the digest of a controlled language's text; its first documents are made once."""
    about = [family, text.controlled, str(text.sentences), str(text.seed)]
    if (domain := text.spoken_domain) is not None:
        about += [domain.name, str(domain.topics), domain.register.model_dump_json()]
    first = min(text.sentences, _FINGERPRINT_SENTENCES)
    return _digest_lines([*about, *_controlled_paragraphs(text, first)])


def _hub_paragraphs(text: HubText) -> Iterator[str]:
    from layerlab.data.hub.hub_source import load_data_set

    rows: Any = load_data_set(text.hub, text.config, text.revision, what=str(text))
    if hasattr(rows, "keys"):
        if text.split not in rows:
            raise DataError(f"{text}: {unknown('split', text.split, rows.keys())}")
        rows = rows[text.split]
    if text.column not in rows.column_names:
        raise DataError(f"{text}: {unknown('column', text.column, rows.column_names)}")
    n_rows = len(rows) if text.rows is None else min(text.rows, len(rows))
    for start in range(0, n_rows, 1_000):
        values = rows[start : min(start + 1_000, n_rows)][text.column]
        for row, value in enumerate(values, start):
            if not isinstance(value, str):
                got = "None" if value is None else type(value).__name__
                raise DataError(f"{text}, row {row}: {text.column} holds {got}; expected text")
            # A row may hold several lines; each is a paragraph, as in a file.
            yield from (line.strip() for line in value.splitlines() if line.strip())


def _controlled_paragraphs(text: ControlledText, n_sentences: int) -> Iterator[str]:
    from layerlab.languages.corpora.formats import to_text
    from layerlab.languages.corpora.generate import generate_said
    from layerlab.languages.family import find_family

    seed = f"{text.seed}-text-{text.controlled}"
    family, domain = find_family(text.family), text.spoken_domain
    documents = generate_said(text.controlled, seed, family=family, domain=domain)
    return (line.rstrip("\n") for line in to_text(documents, n_sentences))


def _digest_lines(lines: Iterable[str]) -> str:
    total = hashlib.sha256()
    for line in lines:
        total.update(json.dumps(line).encode())
    return total.hexdigest()[:16]
