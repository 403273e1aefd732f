"""Scripts: how the sounds of a controlled language are written.

Sounds are 25 letters: the vowels ``aeiouy`` and the consonants ``pbtdkgfvszxchmnlrjw`` (x as in "ship", c as
in "chip"). The letters of a script are a writing for them and follow no real orthography.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, Literal

ScriptName = Literal["latin", "cyrillic", "greek", "hebrew", "armenian", "devanagari", "han"]

VOWELS: Final = "aeiouy"
CONSONANTS: Final = "pbtdkgfvszxchmnlrjw"


@dataclass(frozen=True)
class Script:
    """A writing system.

    Attributes:
        letters: What writes each sound, in the order of ``VOWELS + CONSONANTS``; empty for ``han``.
        stop: What ends a statement.
        question: What ends a question.
        comma: The comma.
        spaces: Whether words are parted by spaces.
    """

    letters: tuple[str, ...]
    stop: str = "."
    question: str = "?"
    comma: str = ","
    spaces: bool = True


def _letters(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SCRIPTS: Final = MappingProxyType(
    {
        "latin": Script(_letters("a e i o u y p b t d k g f v s z sh ch h m n l r j w")),
        "cyrillic": Script(_letters("а е и о у ы п б т д к г ф в с з ш ч х м н л р ј џ")),
        "greek": Script(_letters("α ε ι ο υ η π β τ δ κ γ φ βγ σ ζ ξ ψ χ μ ν λ ρ θ ω"), question=";"),
        "hebrew": Script(_letters("א ע י ו ח יא פ ב ת ד כ ג ק ט ס ז ש צ ה מ נ ל ר יי וו")),
        "armenian": Script(_letters("ա ե ի ո ւ ը պ բ տ դ կ գ ֆ վ ս զ շ չ հ մ ն լ ր յ ծ"), stop="։"),
        "devanagari": Script(_letters("अ ए इ ओ उ ई प ब त द क ग फ व स ज श च ह म न ल र य भ"), stop="।"),
        "han": Script((), stop="。", question="？", comma="，", spaces=False),
    }
)

_MATRAS: Final = dict(zip(VOWELS, ("", "े", "ि", "ो", "ु", "ी"), strict=True))
_VIRAMA: Final = "्"
_SYLLABLE: Final = re.compile(f"([{CONSONANTS}]?)([{VOWELS}])([nrsm](?![{VOWELS}]))?|([{CONSONANTS}])")
_CODAS: Final = ("", "n", "r", "s", "m")


@cache
def write(script: ScriptName, sounds: str) -> str:
    """Write sounds in a script.

    >>> write("latin", "xoki"), write("cyrillic", "xoki"), write("devanagari", "tak")
    ('shoki', 'шоки', 'तक्')
    """
    if script == "han":
        return "".join(_character(*match.groups(default="")) for match in _SYLLABLE.finditer(sounds))
    if script == "devanagari":
        return _abugida(sounds)
    letters = dict(zip(VOWELS + CONSONANTS, SCRIPTS[script].letters, strict=True))
    return "".join(letters[sound] for sound in sounds)


def detokenised(words: tuple[str, ...], script: ScriptName) -> str:
    """Join words to running text: no space before punctuation, none at all where the script has none.

    >>> detokenised(("ta", ",", "ko", "."), "latin")
    'ta, ko.'
    """
    marks = SCRIPTS[script]
    if not marks.spaces:
        return "".join(words)
    joined = " ".join(words)
    for mark in {marks.stop, marks.question, marks.comma}:
        joined = joined.replace(f" {mark}", mark)
    return joined


def _abugida(sounds: str) -> str:
    letters = dict(zip(VOWELS + CONSONANTS, SCRIPTS["devanagari"].letters, strict=True))
    text = ""
    for before, sound in zip(" " + sounds, sounds, strict=False):
        if sound in VOWELS:
            text += _MATRAS[sound] if before in CONSONANTS else letters[sound]
        else:
            text += (_VIRAMA if before in CONSONANTS else "") + letters[sound]
    return text + (_VIRAMA if sounds[-1:] in CONSONANTS and sounds else "")


def _character(onset: str, vowel: str, coda: str, stray: str) -> str:
    """Return the one character of a syllable; a consonant that fits no syllable gets its own."""
    onset_index = CONSONANTS.index(onset or stray) + 1 if onset or stray else 0
    vowel_index = VOWELS.index(vowel) + 1 if vowel else 0
    index = (onset_index * (len(VOWELS) + 1) + vowel_index) * len(_CODAS) + _CODAS.index(coda)
    # Spread over the block, so that neighbouring syllables do not look like neighbouring code points.
    return chr(0x4E00 + index * 7919 % 20011)
