"""Saying nominals: nouns with their articles, adjectives, owners and adpositions; names; pronouns."""

from __future__ import annotations

from layerlab.languages.speech.features import adjective_features, noun_features, word_features
from layerlab.languages.speech.morphology import RICH_CASES, adjective_form, noun_form, word_form
from layerlab.languages.speech.speaker import Phrase, Speaker, Token, tag_entity
from layerlab.languages.world.meaning import Nominal


def say_nominal(
    speaker: Speaker,
    nominal: Nominal,
    relation: str,
    case: str = "nom",
    adposition: str = "",
    relative: Phrase | None = None,
) -> Phrase:
    """Say a nominal in its relation to its head.

    Args:
        speaker: Who says it.
        nominal: What is meant.
        relation: The relation of its head word, such as ``nsubj``.
        case: ``nom`` or ``acc``; an adposition brings its own.
        adposition: ``ADP:in`` and the like, said by a word or, where case is rich, by case alone.
        relative: The relative clause about it, if it has one.
    """
    if adposition:
        case, adposition = governed(speaker, adposition)
    if nominal.kind == "pronoun":
        form = noun_form(speaker, nominal.concept, False, case, False)
        head = Token(form, "PRON", relation, None, nominal.concept)
        head.features = noun_features(speaker, nominal.concept, False, case, False)
        tokens = [head]
    elif nominal.kind == "name":
        tokens = _name(speaker, nominal, relation, case)
        head = tokens[0]
    else:
        tokens, head = _noun_phrase(speaker, nominal, relation, case, relative)
    if nominal.conjunct is not None:
        second = say_nominal(speaker, nominal.conjunct, "conj", case)
        second.head.head = head
        joint = Token(
            word_form(speaker, nominal.conjunction), "CCONJ", "cc", second.head, nominal.conjunction
        )
        tokens = [*tokens, joint, *second.tokens]
    if adposition:
        marker = Token(word_form(speaker, adposition), "ADP", "case", head, adposition)
        tokens = [marker, *tokens] if speaker.language.adpositions == "before" else [*tokens, marker]
    return Phrase(tokens, head)


def governed(speaker: Speaker, adposition: str) -> tuple[str, str]:
    """Return the case and the word, if any, that express a relation."""
    case = speaker.language.case
    if case == "rich" and adposition in RICH_CASES:
        return RICH_CASES[adposition], ""
    if adposition == "ADP:of" and case != "none":
        return "gen", ""
    return ("dat", adposition) if case != "none" else ("nom", adposition)


def _name(speaker: Speaker, nominal: Nominal, relation: str, case: str) -> list[Token]:
    head = Token(
        noun_form(speaker, nominal.concept, False, case, False), "PROPN", relation, None, nominal.concept
    )
    tokens = [head]
    if nominal.surname:
        form = noun_form(speaker, nominal.surname, False, case, False)
        tokens.append(Token(form, "PROPN", "flat", head, nominal.surname))
    for token in tokens:
        token.features = noun_features(speaker, token.concept, False, case, False)
    if nominal.entity:
        tag_entity(tokens, nominal.entity)
    return tokens


def _noun_phrase(
    speaker: Speaker, nominal: Nominal, relation: str, case: str, relative: Phrase | None
) -> tuple[list[Token], Token]:
    """Build a noun phrase from its noun outwards."""
    language = speaker.language
    definite = nominal.definite and not nominal.determiner and not nominal.entity
    # A pronoun that owns the noun replaces the article.
    owned = nominal.possessor is not None and nominal.possessor.kind == "pronoun"
    suffixed = definite and not owned
    form = noun_form(speaker, nominal.concept, nominal.plural, case, suffixed)
    head = Token(form, "NOUN", relation, None, nominal.concept)
    head.features = noun_features(speaker, nominal.concept, nominal.plural, case, suffixed)
    adjectives = _adjectives(speaker, nominal, case, head)
    tokens = [*adjectives, head] if language.adjectives == "before" else [head, *adjectives]
    if nominal.possessor is not None:
        owner = _owner(speaker, nominal.possessor, head)
        tokens = [*owner, *tokens] if language.genitives == "before" else [*tokens, *owner]
    if nominal.entity:
        tag_entity(tokens, nominal.entity)
    if nominal.numeral:
        tokens.insert(0, _numeral(speaker, nominal.numeral, head))
    determiner = "" if owned or nominal.entity else _determiner(speaker, nominal)
    if determiner:
        gender = speaker.genders[nominal.concept]
        form = adjective_form(speaker, determiner, nominal.plural, case, gender)
        token = Token(form, "DET", "det", head, determiner)
        token.features = adjective_features(speaker, determiner, nominal.plural, case, gender)
        article = determiner in ("DET:the", "DET:a")
        tokens = [token, *tokens] if article or language.determiners == "before" else [*tokens, token]
    if relative is not None:
        relative.head.head = head
        tokens = (
            [*relative.tokens, *tokens] if language.relatives == "before" else [*tokens, *relative.tokens]
        )
    return tokens, head


def _adjectives(speaker: Speaker, nominal: Nominal, case: str, head: Token) -> list[Token]:
    tokens = []
    for place, concept in enumerate(nominal.adjectives):
        gender = speaker.genders[nominal.concept]
        form = adjective_form(speaker, concept, nominal.plural, case, gender)
        adjective = Token(form, "ADJ", "amod", head, concept)
        adjective.features = adjective_features(speaker, concept, nominal.plural, case, gender)
        if nominal.degree and place == 0:
            tokens.append(
                Token(word_form(speaker, nominal.degree), "ADV", "advmod", adjective, nominal.degree)
            )
        tokens.append(adjective)
    return tokens


def _owner(speaker: Speaker, owner: Nominal, head: Token) -> list[Token]:
    if owner.kind == "pronoun":
        token = Token(word_form(speaker, owner.concept), "PRON", "nmod:poss", head, owner.concept)
        token.features = word_features(speaker, owner.concept)
        return [token]
    phrase = say_nominal(speaker, owner, "nmod", adposition="ADP:of")
    phrase.head.head = head
    return phrase.tokens


def _numeral(speaker: Speaker, numeral: str, head: Token) -> Token:
    form = numeral if numeral.isdigit() else word_form(speaker, numeral)
    return Token(form, "NUM", "nummod", head, numeral, features=word_features(speaker, numeral))


def _determiner(speaker: Speaker, nominal: Nominal) -> str:
    """Choose the determiner or article that a language uses here, if any."""
    if nominal.determiner:
        return nominal.determiner
    articles = speaker.language.articles
    if nominal.definite:
        return "DET:the" if articles in ("definite", "both") else ""
    indefinite = articles == "both" and not nominal.plural and not nominal.numeral
    return "DET:a" if indefinite else ""
