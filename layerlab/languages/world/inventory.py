"""What every world has: function words, classes of nouns, kinds of verbs."""

from __future__ import annotations

from typing import Final

FUNCTION_WORDS: Final = (
    *("DET:the", "DET:a", "DET:this", "DET:that", "DET:every", "DET:some"),
    *("ADP:in", "ADP:on", "ADP:to", "ADP:from", "ADP:with", "ADP:for", "ADP:about", "ADP:of"),
    *("AUX:be", "AUX:can", "AUX:must", "AUX:may", "AUX:past", "AUX:future"),
    *("CCONJ:and", "CCONJ:or", "CCONJ:but"),
    *("SCONJ:that", "SCONJ:when", "SCONJ:because", "SCONJ:if", "SCONJ:which"),
    *("PART:not", "PART:to", "PART:question"),
    *("PRON:I", "PRON:you", "PRON:he", "PRON:we", "PRON:they", "PRON:who"),
    *("PRON:my", "PRON:your", "PRON:his", "PRON:our", "PRON:their"),
    *("ADV:very", "ADV:rather"),
    *("INTJ:yes", "INTJ:no", "INTJ:well"),
    *("NUM:two", "NUM:three", "NUM:four", "NUM:five", "NUM:ten"),
)
"""The function words that languages choose from."""

# Classes of nouns with their shares of the nouns.
CATEGORIES: Final = {
    **{"person": 0.2, "animal": 0.08, "thing": 0.24, "food": 0.1},
    **{"place": 0.12, "group": 0.08, "event": 0.08, "idea": 0.1},
}
# A class given twice is likelier.
_MOVERS: Final = ("person", "person", "animal", "group")
# Kinds of verbs: share, classes of the subject, classes of the object.
FRAMES: Final = (
    ("act", 0.40, _MOVERS, ("thing", "thing", "food", "person", "animal", "idea")),
    ("stay", 0.24, ("person", "animal", "thing", "event"), ()),
    ("go", 0.14, _MOVERS, ()),
    ("say", 0.08, ("person", "group"), ()),
    ("wish", 0.06, ("person",), ()),
    ("affect", 0.08, ("event", "idea", "thing", "group"), ("person", "group", "place")),
)
# Relations of circumstances with the classes that they take.
ROLES: Final = {
    "act": (("ADP:in", "place"), ("ADP:with", "thing"), ("ADP:for", "person")),
    "stay": (("ADP:in", "place"), ("ADP:on", "thing"), ("ADP:with", "person")),
    "go": (("ADP:to", "place"), ("ADP:from", "place"), ("ADP:with", "person")),
    "say": (("ADP:to", "person"), ("ADP:about", "idea"), ("ADP:in", "event")),
    "wish": (("ADP:for", "person"), ("ADP:in", "place"), ("ADP:with", "group")),
    "affect": (("ADP:in", "place"), ("ADP:from", "group"), ("ADP:with", "idea")),
}
