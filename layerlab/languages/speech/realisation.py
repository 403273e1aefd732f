"""Saying sentences: from a meaning tree to words with their gold annotation."""

from __future__ import annotations

from dataclasses import dataclass

from layerlab.data.sentences import Sentence
from layerlab.languages.scripts import ScriptName, detokenised
from layerlab.languages.speech.clauses import say_clause
from layerlab.languages.speech.morphology import word_form
from layerlab.languages.speech.speaker import Speaker, Voice
from layerlab.languages.speech.tokens import Token, mark, plain_word
from layerlab.languages.world.meaning import Clause


@dataclass(frozen=True)
class Said:
    """A sentence in a language, with what its words mean.

    Attributes:
        sentence: Words and gold annotation.
        concepts: The concept of each word; empty for punctuation.
        lemmas: The dictionary form of each word.
        features: What each form shows, as CoNLL-U writes it.
        script: In which it is written.
    """

    sentence: Sentence
    concepts: tuple[str, ...]
    lemmas: tuple[str, ...]
    features: tuple[str, ...]
    script: ScriptName

    @property
    def text(self) -> str:
        """The sentence as running text."""
        return detokenised(self.sentence.words, self.script)


def say(voice: Voice, meaning: Clause, sent_id: str) -> Said:
    """Say a meaning in the language of a voice."""
    speaker = voice.speaker
    clause = say_clause(voice, meaning, "root")
    root, tokens = clause.head, clause.tokens
    if meaning.question and speaker.language.questions != "none":
        particle = plain_word(speaker, "PART:question", "discourse", root)
        tokens = [particle, *tokens] if speaker.language.questions == "first" else [*tokens, particle]
    if meaning.interjection:
        word = plain_word(speaker, meaning.interjection, "discourse", root)
        tokens = [word, mark(speaker.marks.comma, word), *tokens]
    tokens = [*tokens, mark(speaker.marks.question if meaning.question else speaker.marks.stop, root)]
    for index, token in enumerate(tokens, start=1):
        token.index = index
    sentence = Sentence(
        words=tuple(token.form for token in tokens),
        upos=tuple(token.upos for token in tokens),
        heads=tuple(token.head.index if token.head is not None else 0 for token in tokens),
        relations=tuple(token.relation for token in tokens),
        entities=tuple(token.entity for token in tokens),
        sent_id=sent_id,
    )
    return Said(
        sentence,
        concepts=tuple(token.concept for token in tokens),
        lemmas=tuple(_lemma(speaker, token) for token in tokens),
        features=tuple(token.features for token in tokens),
        script=speaker.language.script,
    )


def _lemma(speaker: Speaker, token: Token) -> str:
    """Return the bare stem; of digits and punctuation, what is written."""
    return word_form(speaker, token.concept) if ":" in token.concept else token.form
