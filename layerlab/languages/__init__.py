"""Controlled languages: parallel invented languages about one seeded world of meanings.

The package has three rooms:

- ``world``: what is meant. A world holds concepts with Zipfian frequencies, topics, selectional preferences
  and names. A grammar makes documents of meaning trees about it. A document stays on a topic and keeps its
  nouns, verbs and names over several sentences. A *domain* is a set of topics and a register.
- ``speech``: how it is said. Each language turns meanings into sentences with its own words, sounds, script,
  word order, articles and affixes. Cognates with regular sound changes, loan words and shared names relate
  them.
- ``corpora``: how it is written down: treebanks, parallel sentences, inference pairs, dictionaries and text.

``language`` says what a language is, ``family`` reads a family of them from a few lines of YAML.

Gold words, lemmas, universal parts of speech, features, dependency trees and entities come with every
sentence. One seed gives the same meanings in every language, so parallel text is free and exact, and so are
inference pairs and bilingual dictionaries. ``layerlab languages write`` writes all of it into a folder;
``data: {controlled: {}}`` in a study needs no files.

Words are built from a small inventory of syllables that unrelated words share, and each language has its
own homographs across classes. So neither a piece of a word nor, often, a whole word shows its class alone.

    >>> from layerlab.languages.corpora.generate import generate
    >>> from layerlab.languages.family import known_languages
    >>> known_languages()
    ('avin', 'belo', 'ciro', 'dako', 'eshe', 'fenu', 'gori', 'huan')
    >>> here, there = (next(generate(language, 1, seed=3)) for language in ("avin", "gori"))
    >>> here.sent_id == there.sent_id
    True

The languages are an instrument. They let you try a method offline in minutes, and they make typology a
controlled variable. Results on them illustrate the method and are **no evidence about natural languages**.

Limits: there are no capitals; letters follow no real orthography (a tokenizer that strips accents would strip
vowel signs of the Devanagari script); trees are projective; features are given where the language marks them.
"""
