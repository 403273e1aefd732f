"""The corpora that are taken where a study names none: on the Hub."""

from __future__ import annotations

from collections.abc import Mapping

from layerlab.targets import language_of, treebank_config

UNIVERSAL_DEPENDENCIES = "commul/universal_dependencies"
# A release is named, so that a study does not change when a new one appears.
UNIVERSAL_DEPENDENCIES_REVISION = "2.17"
WIKIANN = "unimelb-nlp/wikiann"
XNLI = "facebook/xnli"
PAWSX = "google-research-datasets/paws-x"

# One treebank a language: the one that cross-lingual work mostly takes, of moderate size (Thai: test only).
TREEBANKS: Mapping[str, str] = {
    "ar": "ar_padt", "bg": "bg_btb", "cs": "cs_cac", "da": "da_ddt", "de": "de_gsd",
    "el": "el_gdt", "en": "en_ewt", "es": "es_ancora", "et": "et_edt", "eu": "eu_bdt",
    "fa": "fa_seraji", "fi": "fi_tdt", "fr": "fr_gsd", "he": "he_htb", "hi": "hi_hdtb",
    "hu": "hu_szeged", "id": "id_gsd", "it": "it_isdt", "ja": "ja_gsd", "ko": "ko_gsd",
    "nl": "nl_alpino", "no": "no_bokmaal", "pl": "pl_pdb", "pt": "pt_bosque", "ro": "ro_rrt",
    "ru": "ru_gsd", "sl": "sl_ssj", "sv": "sv_talbanken", "th": "th_pud", "tr": "tr_imst", "uk": "uk_iu",
    "vi": "vi_vtb", "zh": "zh_gsd",
}  # fmt: skip

# Languages that WikiANN names by their own code and that have the three splits.
WIKIANN_LANGUAGES = (
    "ar", "bg", "cs", "da", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "he", "hi", "hu", "id",
    "it", "ja", "ko", "nl", "no", "pl", "pt", "ro", "ru", "sl", "sv", "sw", "ta", "th", "tr", "uk", "vi",
    "zh",
)  # fmt: skip

XNLI_LANGUAGES = ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
PAWSX_LANGUAGES = ("de", "en", "es", "fr", "ja", "ko", "zh")

# Languages and their configurations, Hub id and revision.
_TREEBANKS = (TREEBANKS, UNIVERSAL_DEPENDENCIES, UNIVERSAL_DEPENDENCIES_REVISION)
_DEFAULTS: Mapping[str, tuple[Mapping[str, str], str, str | None]] = {
    "upos": _TREEBANKS,
    "parsing": _TREEBANKS,
    "ner": ({name: name for name in WIKIANN_LANGUAGES}, WIKIANN, None),
    "xnli": ({name: name for name in XNLI_LANGUAGES}, XNLI, None),
    "pawsx": ({name: name for name in PAWSX_LANGUAGES}, PAWSX, None),
}


def default_corpora(task: str) -> Mapping[str, tuple[str, str, str | None]]:
    """Return, for each language of a task's default catalogue, Hub id, configuration and revision.

    >>> default_corpora("upos")["en"]
    ('commul/universal_dependencies', 'en_ewt', '2.17')
    >>> default_corpora("ner")["fi"]
    ('unimelb-nlp/wikiann', 'fi', None)
    """
    configs, hub_id, revision = _DEFAULTS.get(task, ({}, "", None))
    return {language: (hub_id, config, revision) for language, config in configs.items()}


def find_default(task: str, target: str) -> tuple[str, str, str | None] | None:
    """Return Hub id, configuration and revision of a language or a treebank of one; None if there is none.

    >>> find_default("upos", "en:GUM")
    ('commul/universal_dependencies', 'en_gum', '2.17')
    >>> find_default("upos", "xx"), find_default("ner", "en:GUM")
    (None, None)
    """
    config = treebank_config(target)
    if task in ("upos", "parsing") and config and language_of(target) in TREEBANKS:
        return UNIVERSAL_DEPENDENCIES, config, UNIVERSAL_DEPENDENCIES_REVISION
    return default_corpora(task).get(target)
