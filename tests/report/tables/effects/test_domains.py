from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from layerlab.analysis.effects.sensitivity import sensitivity
from layerlab.analysis.sentences.bootstrap import hierarchical_bootstrap
from layerlab.analysis.significance.effects import significance
from layerlab.errors import RecordsError
from layerlab.report.page.study_report import write_report
from layerlab.report.tables.effects.domains import domain_table, with_domains
from layerlab.report.tables.effects.drops import drop_table
from layerlab.report.tables.effects.paper import paper_table
from layerlab.report.tables.formats.latex import to_latex
from layerlab.report.tables.formats.markdown import to_markdown
from layerlab.report.tables.formats.text import render_table

Make = Callable[..., pd.DataFrame]
TARGETS = ("de", "fr", "en:GUM", "en:LinES")


def value(records: pd.DataFrame, ablation: str, target: str) -> float:
    found = records[(records["ablation"] == ablation) & (records["target"] == target)]
    return 100 * float(found["value"].mean())


def test_it_is_a_row_for_each_ablation_and_a_column_for_each_corpus_and_difference(synthetic: Make) -> None:
    records = synthetic(n_layers=4, targets=TARGETS)
    (section,) = domain_table(records).sections
    assert section.columns == ("en", "en:GUM", "en:LinES", "en:GUM - en", "en:LinES - en")
    assert [row.names for row in section.rows] == [("REF",), ("0-1",), ("2-3",)]
    assert section.title.endswith("UPOS from en across domains")
    reference, bottom, _ = section.rows
    base = {name: value(records, "none", name) for name in ("en", *TARGETS)}
    ablated = {name: value(records, "reset(0-1)@before", name) for name in base}
    change = {name: ablated[name] - base[name] for name in base}
    scores = [base["en"], base["en:GUM"], base["en:LinES"]]
    assert [cell.value for cell in reference.cells] == pytest.approx(
        [*scores, scores[1] - scores[0], scores[2] - scores[0]]
    )
    changes = [change["en"], change["en:GUM"], change["en:LinES"]]
    assert [cell.value for cell in bottom.cells] == pytest.approx(
        [*changes, changes[1] - changes[0], changes[2] - changes[0]]
    )
    assert [cell.drop for cell in bottom.cells] == pytest.approx([-cell.value for cell in bottom.cells])
    assert all(cell.drop is None for cell in reference.cells)


def test_a_domain_enters_no_mean_over_languages(synthetic: Make) -> None:
    records = synthetic(n_layers=4, targets=TARGETS)
    languages = records[records["target"].isin(["en", "de", "fr"])]
    assert paper_table(records) == paper_table(languages)
    assert drop_table(records) == drop_table(languages)
    assert "X = de, fr." in to_markdown(paper_table(records))


def test_records_and_effects_give_the_same_table_and_those_without_domains_none(synthetic: Make) -> None:
    records = synthetic(n_layers=4, targets=TARGETS)
    assert domain_table(records) == domain_table(sensitivity(records))
    plain = synthetic(n_layers=4, targets=("de", "fr:GSD"))
    with pytest.raises(RecordsError, match=r"no cross-domain table: .*en:GUM.*; targets: de, en, fr:GSD"):
        domain_table(plain)
    table = paper_table(plain)
    assert with_domains(table, sensitivity(plain)) == table


def test_each_source_has_the_domains_of_its_own_language(synthetic: Make) -> None:
    records = synthetic(n_layers=4, targets=("de", "de:PUD", "en", "en:GUM"), sources=("en", "de"))
    records = records.drop_duplicates(["run_id", "target"])
    columns = {section.title.split()[-3]: section.columns for section in domain_table(records).sections}
    assert columns == {"en": ("en", "en:GUM", "en:GUM - en"), "de": ("de", "de:PUD", "de:PUD - de")}


def test_the_note_says_what_was_compared_and_tested(synthetic: Make) -> None:
    records = synthetic(n_layers=4, targets=TARGETS, seeds=tuple(range(6)))
    (section,) = domain_table(significance(records)).sections
    assert section.note.startswith("en:GUM and en:LinES: other corpora of en, on which nothing was trained.")
    assert "n seeds = 6, 95% t intervals at most ±" in section.note
    assert "false discovery rate over the 2 to 4 tests (ablations x corpora) of each quantity" in section.note
    assert section.note.endswith("Items scored per seed: 5,400 in en, 5,200 in en:GUM, 5,300 in en:LinES.")
    assert section.label == "synthetic-domains"


def test_it_stands_below_the_papers_table_in_every_form(synthetic: Make, tmp_path: Path) -> None:
    records = synthetic(n_layers=4, targets=TARGETS)
    for effects in (False, True):
        for style in ("markdown", "latex"):
            text = render_table(records, style, effects=effects)
            assert "UPOS from en across domains" in text
            assert "en:LinES - en" in text.replace("\\\\", " ")
    assert "domain_gap_change" in render_table(records, "csv")
    paths = {path.name: path for path in write_report(records, tmp_path)}
    for name in ("table.md", "table.tex", "effects.md", "effects.tex"):
        assert "across domains" in paths[name].read_text(encoding="utf-8")


def test_intervals_are_left_out_where_asked_for(synthetic: Make) -> None:
    records = synthetic(n_layers=4, targets=TARGETS)
    assert "±" in to_markdown(domain_table(records, intervals=True)).split("Points of")[0]
    bare = to_markdown(domain_table(records, intervals=False))
    assert "±" not in bare.split("en:GUM and en:LinES: other")[0]
    assert r"\pm" in to_latex(domain_table(records, intervals=True))


def spread_out(records: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Records and counts of 40 sentences of 10 words that give them."""
    words = (records["value"] * 400).round().astype(int)
    records = records.assign(value=words / 400)
    parts = []
    for row, n_right in zip(records.to_dict("records"), words, strict=True):
        hits = [min(10, max(0, int(n_right) - 10 * place)) for place in range(40)]
        named = {name: row[name] for name in ("study", "run_id", "target", "metric")}
        parts.append(pd.DataFrame(named | {"sentence": range(40), "hits": hits, "total": 10}))
    return records, pd.concat(parts)


def test_intervals_over_seeds_and_sentences_show_both_ends_and_a_plain_sentence(synthetic: Make) -> None:
    records, counts = spread_out(synthetic(n_layers=4, targets=TARGETS))
    effect = hierarchical_bootstrap(records, counts, resamples=199)
    section = drop_table(effect).sections[0]
    row = effect[(effect["quantity"] == "source_drop") & (effect["layers"] == "0-1")].iloc[0]
    assert section.rows[0].cells[0].ends == pytest.approx((100 * row["low"], 100 * row["high"]))
    assert section.rows[0].cells[0].half is None
    domain = domain_table(effect, intervals=True).sections[0].rows[1].cells[0]
    assert domain.ends == pytest.approx((-100 * row["high"], -100 * row["low"]))
    text = render_table(records, counts=counts, interval="bootstrap")
    assert f"{100 * row['effect']:.1f} [" in text
    assert (
        "n seeds = 3. In brackets: 95% percentile intervals of 1,999 joint resamples of seeds and of test "
        "sentences, the same sentences for baseline and ablated runs of all seeds; 40 to 80 sentences behind "
        "a number. Resampling only 3 seeds understates how much they differ."
    ) in text
    assert "t intervals" not in text
    latex = render_table(records, "latex", counts=counts, interval="bootstrap")
    assert r"\ [" in latex
    (one,) = (records["seed"] == 0,)
    single = render_table(records[one], counts=counts, interval="bootstrap")
    assert "joint resamples of test sentences (one seed, treated as fixed)" in single
