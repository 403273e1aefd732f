"""What a few lines of YAML say about a controlled language, and about a family of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from layerlab.errors import unknown
from layerlab.files import leaves_folder
from layerlab.languages.scripts import ScriptName
from layerlab.languages.sounds import parse_change, parse_sounds

Side = Literal["before", "after"]
Share = Annotated[float, Field(ge=0, le=1)]


def _parsed_by(parse: Callable[[str], object]) -> AfterValidator:
    """Check that a text can be parsed; it stays as it is."""

    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


Sounds = Annotated[str, _parsed_by(parse_sounds)]
SoundChange = Annotated[str, _parsed_by(parse_change)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Phonotactics(_Value):
    """Which syllables there are: groups of sounds, ``-`` for none; a group given twice is likelier."""

    onsets: Sounds = "p b t d k g s m n l r"
    vowels: Sounds = "a e i o u"
    codas: Sounds = "- - - n s r l"
    syllables: Annotated[int, Field(ge=20, le=400)] = 80


class Cognates(_Value):
    """What a language has kept of the proto-language, and the sound changes since then.

    The kept shares are nested: what a language with a small share keeps, one with a larger share keeps too.

    Attributes:
        share: Of all words and affixes.
        changes: Regular sound changes, in their order.
        false_friends: Of the content words that are not kept, how many have the old form of another of them,
            which is more often than not of another class. Such a word looks like a cognate and is none:
            only a reader that knows the language knows what it means.
    """

    share: Share = 0.0
    changes: tuple[SoundChange, ...] = ()
    false_friends: Share = 0.0


class Loans(_Value):
    """Which share of the content words comes from which other language of the family."""

    source: str
    share: Share = 0.1


class Language(_Value):
    """A controlled language; what is not said takes the value given here.

    Attributes:
        about: One line for people.
        script: Its writing.
        order: Of subject, verb and object; ``free`` needs case.
        adjectives: Side of the noun on which they stand; so for the other sides.
        articles: None, a definite one, both, or a definite suffix.
        case: ``none``; ``core``: accusative, genitive, one with adpositions; ``rich``: more, without them.
        number: Whether nouns show it.
        tense: By an affix, an auxiliary word, or not at all.
        agreement: What agrees: the verb with its subject, adjectives with their noun.
        genders: Classes of nouns that agreeing adjectives show.
        morphology: Affixes one after another, or one for each bundle of meanings.
        affixes: On which side of the stem.
        prodrop: Subject pronouns are dropped.
        copula: Whether the present tense has one.
        negation: A particle before or after the verb, or an affix.
        questions: A question particle first, last, or none.
        complementizers: Side of the clause on which conjunctions stand.
        relativizer: A pronoun or a particle.
        homographs: Share of verbs, adjectives and adverbs that look like a word of another class; half as
            many function words do.
        names: Share of names that are those of the whole family.
        phonotactics: Its syllables.
        cognates: Its inheritance.
        loans: Its borrowings.
    """

    about: str = ""
    script: ScriptName = "latin"
    order: Literal["SVO", "SOV", "VSO", "free"] = "SVO"
    adjectives: Side = "before"
    genitives: Side = "after"
    relatives: Side = "after"
    adpositions: Side = "before"
    auxiliaries: Side = "before"
    determiners: Side = "before"
    adverbs: Side = "before"
    articles: Literal["none", "definite", "both", "suffix"] = "none"
    case: Literal["none", "core", "rich"] = "none"
    number: Literal["affix", "none"] = "affix"
    tense: Literal["affix", "word", "none"] = "affix"
    agreement: tuple[Literal["verb", "adjective"], ...] = ()
    genders: Annotated[int, Field(ge=1, le=3)] = 1
    morphology: Literal["agglutinative", "fusional"] = "agglutinative"
    affixes: Literal["suffix", "prefix"] = "suffix"
    prodrop: bool = False
    copula: bool = True
    negation: Literal["before", "after", "affix"] = "before"
    questions: Literal["first", "last", "none"] = "none"
    complementizers: Side = "before"
    relativizer: Literal["pronoun", "particle"] = "pronoun"
    homographs: Share = 0.4
    names: Share = 1.0
    phonotactics: Phonotactics = Phonotactics()
    cognates: Cognates = Cognates()
    loans: Loans | None = None

    @model_validator(mode="after")
    def _case_carries_free_order(self) -> Language:
        if self.order == "free" and self.case == "none":
            raise ValueError(
                "got order free with case none; expected case core or rich, or who does what is lost"
            )
        return self


class WorldSize(_Value):
    """How much there is to speak of."""

    seed: int = 0
    topics: Annotated[int, Field(ge=1)] = 12
    nouns: Annotated[int, Field(ge=80)] = 320
    verbs: Annotated[int, Field(ge=40)] = 140
    adjectives: Annotated[int, Field(ge=10)] = 80
    adverbs: Annotated[int, Field(ge=5)] = 24
    names: Annotated[int, Field(ge=30)] = 150


class Family(_Value):
    """A world, a proto-language and the languages that speak of it.

    Attributes:
        world: The size and seed of the world.
        proto: The sounds of the proto-language, which names have too.
        languages: The languages by name, in order.
    """

    world: WorldSize = WorldSize()
    proto: Phonotactics = Phonotactics()
    languages: Annotated[Mapping[str, Language], Field(min_length=1)]

    @field_validator("languages")
    @classmethod
    def _names_become_folders(cls, value: Mapping[str, Language]) -> Mapping[str, Language]:
        for name in value:
            if not name.strip() or leaves_folder(name):
                raise ValueError(f"language {name!r}: expected a name that becomes a folder's")
        return value

    @model_validator(mode="after")
    def _loans_have_sources(self) -> Family:
        for name, language in self.languages.items():
            if language.loans and language.loans.source not in self.languages:
                raise ValueError(
                    f"loans of {name}: {unknown('language', language.loans.source, self.languages)}"
                )
        return self
