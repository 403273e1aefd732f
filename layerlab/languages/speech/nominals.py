"""Saying nominals: nouns with their articles, adjectives, owners and adpositions; names; pronouns."""

from __future__ import annotations

from layerlab.languages.speech.morphology import RICH_CASES
from layerlab.languages.speech.speaker import Speaker
from layerlab.languages.speech.tokens import (
    Phrase,
    Token,
    adjective_word,
    noun_word,
    on_side,
    plain_word,
    tag_entity,
)
from layerlab.languages.world.meaning import Nominal


def say_nominal(
    speaker: Speaker,
    nominal: Nominal,
    relation: str,
    case: str = "nom",
    adposition: str = "",
    relative: Phrase | None = None,
) -> Phrase:
    """Say a nominal, whose head word has a relation such as ``nsubj`` to what is above.

    The case is ``nom`` or ``acc``. An adposition (``ADP:in`` and the like) brings its own case, and is said
    by a word or, where case is rich, by case alone.
    """
    if adposition:
        case, adposition = governed(speaker, adposition)
    if nominal.kind == "noun":
        tokens, head = _noun_phrase(speaker, nominal, relation, case, relative)
    else:
        head = noun_word(speaker, nominal.concept, relation, case=case)
        tokens = [head]
        if nominal.surname:
            tokens.append(noun_word(speaker, nominal.surname, "flat", head, case=case))
        tag_entity(tokens, nominal.entity)
    if nominal.conjunct is not None:
        second = say_nominal(speaker, nominal.conjunct, "conj", case)
        second.head.head = head
        tokens = [*tokens, plain_word(speaker, nominal.conjunction, "cc", second.head), *second.tokens]
    if adposition:
        marker = plain_word(speaker, adposition, "case", head)
        tokens = on_side(speaker.language.adpositions, [marker], tokens)
    return Phrase(tokens, head)


def governed(speaker: Speaker, adposition: str) -> tuple[str, str]:
    """Return the case and the word, if any, that express a relation."""
    case = speaker.language.case
    if case == "rich" and adposition in RICH_CASES:
        return RICH_CASES[adposition], ""
    if adposition == "ADP:of" and case != "none":
        return "gen", ""
    return ("dat", adposition) if case != "none" else ("nom", adposition)


def _noun_phrase(
    speaker: Speaker, nominal: Nominal, relation: str, case: str, relative: Phrase | None
) -> tuple[list[Token], Token]:
    """Build a noun phrase from its noun outwards."""
    language, plural = speaker.language, nominal.plural
    # A pronoun that owns the noun replaces the article.
    owned = nominal.possessor is not None and nominal.possessor.kind == "pronoun"
    suffixed = nominal.definite and not nominal.determiner and not nominal.entity and not owned
    head = noun_word(speaker, nominal.concept, relation, plural=plural, case=case, definite=suffixed)
    tokens = on_side(language.adjectives, _adjectives(speaker, nominal, case, head), [head])
    if nominal.possessor is not None:
        tokens = on_side(language.genitives, _owner(speaker, nominal.possessor, head), tokens)
    tag_entity(tokens, nominal.entity)
    if nominal.numeral:
        tokens.insert(0, plain_word(speaker, nominal.numeral, "nummod", head))
    determiner = "" if owned or nominal.entity else _determiner(speaker, nominal)
    if determiner:
        gender = speaker.genders[nominal.concept]
        token = adjective_word(speaker, determiner, "det", head, plural, case, gender)
        article = determiner in ("DET:the", "DET:a")
        tokens = on_side("before" if article else language.determiners, [token], tokens)
    if relative is not None:
        relative.head.head = head
        tokens = on_side(language.relatives, relative.tokens, tokens)
    return tokens, head


def _adjectives(speaker: Speaker, nominal: Nominal, case: str, head: Token) -> list[Token]:
    gender = speaker.genders[nominal.concept]
    tokens = [
        adjective_word(speaker, concept, "amod", head, nominal.plural, case, gender)
        for concept in nominal.adjectives
    ]
    if nominal.degree and tokens:
        tokens.insert(0, plain_word(speaker, nominal.degree, "advmod", tokens[0]))
    return tokens


def _owner(speaker: Speaker, owner: Nominal, head: Token) -> list[Token]:
    if owner.kind == "pronoun":
        return [plain_word(speaker, owner.concept, "nmod:poss", head)]
    phrase = say_nominal(speaker, owner, "nmod", adposition="ADP:of")
    phrase.head.head = head
    return phrase.tokens


def _determiner(speaker: Speaker, nominal: Nominal) -> str:
    """Choose the determiner or article that a language uses here, if any."""
    if nominal.determiner:
        return nominal.determiner
    articles = speaker.language.articles
    if nominal.definite:
        return "DET:the" if articles in ("definite", "both") else ""
    indefinite = articles == "both" and not nominal.plural and not nominal.numeral
    return "DET:a" if indefinite else ""
