"""Parallel sentences from every format correspond, or the reader hears why they do not."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from layerlab.data.bitext import pairs_with
from layerlab.data.formats.bitext_files import (
    find_parallel,
    parallel_languages,
    read_aligned,
    read_bitexts,
    read_table,
)
from layerlab.data.sentences import Sentence
from layerlab.errors import DataError


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def conllu(*sentences: tuple[str, str]) -> str:
    return "".join(
        f"# sent_id = {name}\n1\t{word}\t_\tNOUN\t_\t_\t0\troot\t_\t_\n\n" for name, word in sentences
    )


@pytest.fixture
def treebank_folder(tmp_path: Path) -> Path:
    write(tmp_path / "en.conllu", conllu(("a", "one"), ("b", "two")))
    write(tmp_path / "de.conllu", conllu(("b", "zwei"), ("a", "eins")))
    write(tmp_path / "fr" / "test.conllu", conllu(("a", "un"), ("b", "deux")))
    return tmp_path


@pytest.fixture
def tatoeba_folder(tmp_path: Path) -> Path:
    for code, words in {"deu": "eins\nzwei\n", "cmn": "一\n二\n"}.items():
        write(tmp_path / f"tatoeba.{code}-eng.{code}", words)
        write(tmp_path / f"tatoeba.{code}-eng.eng", "one\ntwo\n")
    return tmp_path


def test_treebanks_are_joined_by_name_and_share_the_source(treebank_folder: Path) -> None:
    german, french = read_bitexts(treebank_folder)
    assert (german.source, german.target, french.target) == ("en", "de", "fr")
    assert [s.words for s in german.targets if isinstance(s, Sentence)] == [("eins",), ("zwei",)]
    assert german.sources is french.sources
    (only,) = read_bitexts(treebank_folder, ["en"], "fr")
    assert (only.source, only.target) == ("fr", "en")


def test_treebanks_are_read_as_running_text_where_their_file_has_it(treebank_folder: Path) -> None:
    raw = conllu(("b", "zwei"), ("a", "eins")).replace("1\tzwei", "# text = Zwei!\n1\tzwei")
    raw = raw.replace("1\teins", "# text = 1 = eins.\n# text_en = One.\n1\teins")
    write(treebank_folder / "de.conllu", raw)
    half = conllu(("a", "un"), ("b", "deux")).replace("1\tun", "# text = Un.\n1\tun")
    write(treebank_folder / "fr" / "test.conllu", half)
    german, french = read_bitexts(treebank_folder)
    assert german.targets == ("1 = eins.", "Zwei!")
    assert [s.words for s in german.sources if isinstance(s, Sentence)] == [("one",), ("two",)]
    assert [s.words for s in french.targets if isinstance(s, Sentence)] == [("un",), ("deux",)]
    (words,) = read_bitexts(treebank_folder, ["de"], text="words")
    assert [s.words for s in words.targets if isinstance(s, Sentence)] == [("eins",), ("zwei",)]
    files = {name: treebank_folder / f"{name}.conllu" for name in ("en", "de")}
    assert read_aligned(files)["de"] == ("1 = eins.", "Zwei!")
    assert not any(isinstance(one, str) for one in read_aligned(files, "words")["de"])


def test_a_form_of_text_that_does_not_exist_is_refused(treebank_folder: Path) -> None:
    with pytest.raises(DataError, match="unknown form of text 'row'; did you mean 'raw'"):
        read_bitexts(treebank_folder, text="row")  # type: ignore[arg-type]


def test_tatoeba_goes_by_short_and_long_codes(tatoeba_folder: Path) -> None:
    chinese, german = read_bitexts(tatoeba_folder)
    assert (chinese.target, list(chinese.targets)) == ("zh", ["一", "二"])
    assert list(german.sources) == ["one", "two"]
    (named,) = read_bitexts(tatoeba_folder, ["cmn"])
    assert (named.target, list(named.targets)) == ("cmn", ["一", "二"])
    with pytest.raises(DataError, match="unknown language 'fi'"):
        read_bitexts(tatoeba_folder, ["fi"])
    with pytest.raises(DataError, match="with English, not with 'de'"):
        read_bitexts(tatoeba_folder, ["zh"], "de")
    write(tatoeba_folder / "tatoeba.deu-eng.deu", "eins\n")
    with pytest.raises(DataError, match=r"eng has 2 and .*deu has 1"):
        read_bitexts(tatoeba_folder, ["de"])


def test_a_place_says_which_languages_it_has(
    treebank_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert parallel_languages(treebank_folder) == ("de", "en", "fr")
    root = tmp_path_factory.mktemp("data")
    write(root / "tatoeba" / "tatoeba.cmn-eng.eng", "one\n")
    monkeypatch.setenv("LAYERLAB_DATA", str(root))
    assert parallel_languages(find_parallel("tatoeba")) == ("en", "zh")
    assert parallel_languages(write(root / "t.tsv", "id\ten\tde\n1\tone\teins\n")) == ("en", "de")
    with pytest.raises(DataError, match="no parallel sentences at 'pud'.*set LAYERLAB_DATA"):
        find_parallel("pud")


def test_a_table_has_a_column_a_language(tmp_path: Path) -> None:
    table = write(tmp_path / "parallel.tsv", "id\ten\tde\n1\tone\teins\n2\ttwo\tzwei\n")
    assert read_table(table) == {"en": ("one", "two"), "de": ("eins", "zwei")}
    (pair,) = read_bitexts(table)
    assert (pair.sources, pair.targets, len(pair)) == (("one", "two"), ("eins", "zwei"), 2)
    with pytest.raises(DataError, match=r"unknown language 'fr'.*Known: de, en"):
        read_bitexts(table, ["fr"])
    write(table, "en\tde\none\n")
    with pytest.raises(DataError, match=r"parallel.tsv:2: expected 2 columns"):
        read_bitexts(table)
    write(table, "en\none\n")
    with pytest.raises(DataError, match="at least two columns"):
        read_bitexts(table)


def test_a_named_place_lies_below_the_data_folder(
    treebank_folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path_factory.mktemp("data")
    (root / "pud").symlink_to(treebank_folder)
    monkeypatch.setenv("LAYERLAB_DATA", str(root))
    assert len(read_bitexts("pud")) == 2
    monkeypatch.delenv("LAYERLAB_DATA")
    with pytest.raises(DataError, match="set LAYERLAB_DATA"):
        read_bitexts("pud")
    with pytest.raises(DataError, match="no parallel sentences at 'nowhere'"):
        read_bitexts("nowhere")


def test_fewer_sentences_are_spread_evenly_and_still_correspond() -> None:
    aligned = {"en": [str(i) for i in range(10)], "de": [f"d{i}" for i in range(10)]}
    (pair,) = pairs_with(aligned, (), "en", 4)
    assert list(pair.sources) == ["0", "2", "5", "7"]
    assert list(pair.targets) == ["d0", "d2", "d5", "d7"]
    with pytest.raises(DataError, match="no language to pair en with"):
        pairs_with({"en": ["a"]}, (), "en")


def test_files_by_language_are_joined_by_id_or_line(tmp_path: Path) -> None:
    english = write(tmp_path / "en.tsv", "1\tone\n2\ttwo\n3\tthree\n")
    german = tmp_path / "de.tsv.xz"
    with lzma.open(german, "wt", encoding="utf-8") as file:
        file.write("3\tdrei\n1\teins\n")
    assert read_aligned({"en": english, "de": german}) == {"en": ("one", "three"), "de": ("eins", "drei")}
    lines = {name: write(tmp_path / f"{name}.txt", text) for name, text in (("en", "a\nb\n"), ("de", "c\nd"))}
    assert read_aligned(lines) == {"en": ("a", "b"), "de": ("c", "d")}
    write(lines["de"], "c\n")
    with pytest.raises(DataError, match="en has 2, de has 1"):
        read_aligned(lines)
    write(lines["de"], "c\n\nd\n")
    with pytest.raises(DataError, match=r"de.txt:2: an empty line"):
        read_aligned(lines)
    with pytest.raises(DataError, match=r"are .tsv, .txt; expected all to be"):
        read_aligned({"en": english, "de": lines["en"]})
    write(english, "1\tone\n1\ttwo\n")
    with pytest.raises(DataError, match=r"en.tsv:2: id '1' occurs twice"):
        read_aligned({"en": english, "de": german})
    write(english, "9\tone\n")
    with pytest.raises(DataError, match="no id is common"):
        read_aligned({"en": english, "de": german})


@pytest.mark.data
def test_real_parallel_corpora_are_whole(data_root: Path) -> None:
    pud = read_bitexts(data_root / "pud")
    assert len(pud) == 20
    assert {len(pair) for pair in pud} == {1000}
    tatoeba = read_bitexts(data_root / "tatoeba")
    assert len(tatoeba) == 33
    assert {len(pair) for pair in tatoeba if pair.target in {"de", "ru", "zh"}} == {1000}


@pytest.mark.parametrize("damage", ["cut", "not text", "not xz"])
def test_a_compressed_file_that_cannot_be_read_is_one_clear_error(tmp_path: Path, damage: str) -> None:
    whole = lzma.compress("\n".join(f"sova {i}" for i in range(500)).encode())
    content = {"cut": whole[: len(whole) // 2], "not text": lzma.compress(b"\xff\xfe"), "not xz": b"sova"}
    (tmp_path / "en.txt.xz").write_bytes(content[damage])
    (tmp_path / "de.txt.xz").write_bytes(whole)
    with pytest.raises(DataError, match="en.txt.xz: cannot be read"):
        read_aligned({name: tmp_path / f"{name}.txt.xz" for name in ("en", "de")})


def test_parallel_treebanks_without_their_text_are_refused(tmp_path: Path) -> None:
    for name, word in (("en", "one"), ("de", "_")):
        write(tmp_path / f"{name}.conllu", conllu(*((str(i), word) for i in range(5))))
    with pytest.raises(DataError, match="de.conllu: 5 of 5 words are signs such as '_'"):
        read_bitexts(tmp_path)
