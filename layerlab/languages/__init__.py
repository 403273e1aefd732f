"""Controlled languages: parallel invented languages spoken about one seeded world of meanings.

A *world* (``world``) holds concepts with Zipfian frequencies, topics, selectional preferences and names.
A *grammar* (``grammar``) makes documents of meaning trees (``meaning``) about it: a document stays on a topic
and keeps its nouns, verbs and names over several sentences. A *language* (``family``, a few lines of YAML)
realises them (``lexicon``, ``morphology``, ``nominals``, ``clauses``) with its own script, sounds, word
order, articles and affixes. Cognates with regular sound changes, loan words and shared names relate them.

Gold words, lemmas, universal parts of speech, features, dependency trees and entities come with every
sentence. One seed gives the same meanings in every language, so parallel text is free and exact, and so are
inference pairs (``nli``, by ``inference``) and bilingual dictionaries (``dictionary``). A *domain*
(``registers``) is a set of topics and a register, for studies across domains of one language. ``writing`` and
``layerlab languages write`` put all of it into a folder; ``data: {controlled: {}}`` in a study needs none.

Words are built from a small inventory of syllables which unrelated words share, and each language has its
own homographs across classes: neither a piece of a word nor, often, a whole word tells its class alone.

    >>> from layerlab.languages.generate import generate
    >>> from layerlab.languages.family import known_languages
    >>> known_languages()
    ('avin', 'belo', 'ciro', 'dako', 'eshe', 'fenu', 'gori', 'huan')
    >>> here, there = (next(generate(language, 1, seed=3)) for language in ("avin", "gori"))
    >>> here.sent_id == there.sent_id
    True

The languages are an instrument. They let a method be tried offline in minutes and make typology a controlled
variable; what is found on them illustrates the method and is **no evidence about natural languages**.

Limits to know: no capitals; letters follow no real orthography (a tokenizer that strips accents would strip
vowel signs of the Devanagari script); trees are projective; features are given where the language marks them.
"""
