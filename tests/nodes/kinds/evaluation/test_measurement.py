"""What a study measures is found, checked and identified before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from layerlab.data.artificial.corpora import artificial_sentence
from layerlab.data.sentences import Sentence
from layerlab.data.spec import Controlled, DataSpec
from layerlab.errors import DataError, StudyError
from layerlab.measures.options import Measures
from layerlab.nodes.identity import RunSpec
from layerlab.nodes.kinds.evaluation.measurement import Measurement, plan_measurement, read_measured
from layerlab.nodes.kinds.run import Run
from layerlab.study.study import Study, StudyPlan

INSTRUMENT = Controlled(family="instrument", test=20)


def write_table(folder: Path, *languages: str, n: int = 12, mark: str = "") -> Path:
    """Write a .tsv of sentences that mean the same."""
    path = folder / "parallel.tsv"
    rows = ["\t".join(languages)]
    rows += ["\t".join(f"{language}{mark} tola {i}" for language in languages) for i in range(n)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def plan_with(study: Study, **changes: object) -> StudyPlan:
    fields = {name: getattr(study, name) for name in Study.model_fields}
    return Study.model_validate({**fields, **changes}).plan(check=False)


def test_a_study_without_measures_keeps_its_ids_and_jobs(study: Study) -> None:
    assert RunSpec("abc", (), {"en": "d1", "de": "d2"}, measures=None).id == "7935343d0a4c"
    job = plan_with(study).runs[0]
    assert set(job.to_json()) == {"spec", "columns", "after", "data", "needs"}
    assert set(job.to_json()["spec"]) == {"fit", "after", "targets", "spec_version"}
    assert Run.from_json(job.to_json()) == job


def test_the_identity_is_of_measures_and_words_not_of_places(study: Study, tmp_path: Path) -> None:
    def ids(**measures: object) -> set[str]:
        plan = plan_with(study, measures=measures)
        assert all(Run.from_json(job.to_json()) == job for job in plan.runs)
        assert {fit.id for fit in plan.fits} == fits
        return {job.id for job in plan.runs}

    plain = plan_with(study)
    fits = {fit.id for fit in plain.fits}
    table = str(write_table(tmp_path, "aa", "bb", "cc"))
    (tmp_path / "other").mkdir()
    moved = str(write_table(tmp_path / "other", "aa", "bb", "cc", "dd"))
    first = ids(names=["cka", "change"], parallel=table)
    assert not first & {job.id for job in plain.runs}
    assert ids(names=["change_cka", "cka"], parallel=moved) == first
    assert not ids(names=["cka", "change"], parallel=table, sentences=8) & first
    assert not ids(names=["cka", "change"], parallel=table, pooling="first") & first
    assert not ids(names=["cka"], parallel=table) & first
    assert not ids(names=["cka", "change"], parallel=table, languages=["bb"]) & first
    write_table(tmp_path, "aa", "bb", "cc", mark="x")
    assert not ids(names=["cka", "change"], parallel=table) & first


def write_treebanks(folder: Path, *, raw: bool) -> str:
    """Write parallel treebanks of twelve sentences, with lines ``# text`` or without."""
    for language in ("aa", "bb", "cc"):
        blocks = []
        for i in range(12):
            text = f"# text = {language}tola{i}\n" if raw else ""
            rows = [
                f"{n}\t{word}\t_\tX\t" + "_\t" * 5 + "_" for n, word in enumerate((language, f"tola{i}"), 1)
            ]
            blocks.append(f"# sent_id = s{i}\n{text}" + "\n".join(rows) + "\n\n")
        (folder / f"{language}.conllu").write_text("".join(blocks), encoding="utf-8")
    return str(folder)


def test_running_text_and_words_have_identities_of_their_own(study: Study, tmp_path: Path) -> None:
    def measured(**measures: object) -> Measurement:
        asked = Measures.model_validate({"names": ["cka"], "parallel": place, **measures})
        return plan_measurement(asked, DataSpec(), "aa", ["bb", "cc"])

    place = write_treebanks(tmp_path, raw=False)
    before = measured()
    assert before.identity == measured(text="words").identity  # nothing but words is there
    assert before.identity["texts"]["bb"] == ["976feb5fab2ff6d4", "ec8dbd65fa892a58"]
    write_treebanks(tmp_path, raw=True)
    assert measured(text="words").identity == before.identity
    assert measured().identity != before.identity
    assert read_measured(measured(), None)[0].targets[:2] == ("bbtola0", "bbtola1")


def test_a_measure_keeps_its_own_pooling_and_old_identities_mean_what_they_meant(tmp_path: Path) -> None:
    def measured(*names: str, **more: object) -> Measurement:
        asked = Measures.model_validate({"names": names, "parallel": table, **more})
        return plan_measurement(asked, DataSpec(), "aa", ["bb"])

    table = str(write_table(tmp_path, "aa", "bb"))
    assert measured("cka").identity["pooling"] == "mean"
    assert measured("cka", "cka_muller", pooling="mean").identity["pooling"] == "mean"
    assert measured("cka_muller").identity == measured("cka_muller", pooling="muller").identity
    both = measured("cka", "cka_muller", "drift")
    assert both.identity["pooling"] == {"cka": "mean", "cka_muller": "muller"}
    assert {pooling: part.names for pooling, part in both.parts.items()} == {
        "mean": ("cka",),
        "muller": ("cka_muller",),
    }


def test_drift_needs_no_parallel_sentences(study: Study) -> None:
    plan = plan_with(study, measures=["drift"], targets=[])
    assert plan.runs[0].measures == Measurement(("drift",), "mean", "aa")
    assert read_measured(plan.runs[0].measures, None) == ()


@pytest.mark.parametrize(
    ("languages", "measures", "message"),
    [
        (("aa", "bb"), {}, "no parallel sentences in cc at .*; there are aa, bb; .*measures.languages"),
        (("bb", "cc"), {}, "no parallel sentences in aa at .*; there are bb, cc; the source"),
        (("aa", "bb"), {"languages": ["zz"]}, "no parallel sentences in zz"),
        (("aa", "bb"), {"languages": ["aa"]}, r"nothing to pair aa with.*has aa, bb"),
        (("aa", "bb", "cc"), {"parallel": "nowhere"}, "no parallel sentences at 'nowhere'"),
        (("aa", "bb", "cc"), {"parallel": "controlled"}, "which the study's data are not; give a folder"),
        (("aa", "bb", "cc"), {"parallel": None}, "no parallel sentences at 'pud'.*set LAYERLAB_DATA"),
    ],
)
def test_parallel_sentences_that_are_missing_stop_the_plan(
    study: Study,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    languages: tuple[str, ...],
    measures: dict[str, object],
    message: str,
) -> None:
    monkeypatch.delenv("LAYERLAB_DATA", raising=False)
    table = str(write_table(tmp_path, *languages))
    asked = {"names": ["cka"], "parallel": table, **measures}
    with pytest.raises(StudyError, match=rf"measures: .*{message}"):
        plan_with(study, measures=asked)


def test_too_few_sentences_are_refused(tmp_path: Path) -> None:
    measures = Measures(names=("cka",), parallel=str(write_table(tmp_path, "aa", "bb", n=7)))
    with pytest.raises(DataError, match="7 sentence pairs are too few"):
        plan_measurement(measures, DataSpec(), "aa", ["bb"])


def test_treebanks_and_domains_are_measured_in_their_language(tmp_path: Path) -> None:
    table = Measures(names=("cka",), parallel=str(write_table(tmp_path, "aa", "bb-x")))
    found = plan_measurement(table, DataSpec(), "aa:EWT", ["aa:EWT", "aa:GUM", "bb-x"])
    assert found.source == "aa"
    assert [name for name, *_ in found.texts] == ["bb-x"]
    spoken = plan_measurement(
        Measures(names=("cka",)), DataSpec(controlled=INSTRUMENT), "ilda", ["ilda-news", "jora-talk", "jora"]
    )
    assert (spoken.parallel, spoken.source) == ("controlled", "ilda")
    assert [name for name, *_ in spoken.texts] == ["jora"]


def test_controlled_sentences_are_parallel_and_those_of_the_test_split() -> None:
    from layerlab.languages.corpora.on_demand import speak

    measures = Measures(names=("cka",), sentences=10)
    found = plan_measurement(measures, DataSpec(controlled=INSTRUMENT), "ilda", ["jora", "pelu"])
    (jora, pelu) = read_measured(found, INSTRUMENT)
    assert jora.sources is pelu.sources
    assert len(jora) == len(pelu) == 10
    test = speak("jora", "test", 20, 0, ("dev", "test"), "instrument")
    assert tuple(jora.targets) == test[:10]
    whole = plan_measurement(
        Measures(names=("cka",), sentences=None), DataSpec(controlled=INSTRUMENT), "ilda", ["jora"]
    )
    assert len(read_measured(whole, INSTRUMENT)[0]) == 20
    with pytest.raises(DataError, match=r"no parallel sentences in xx at controlled; there are .*ilda"):
        plan_measurement(measures, DataSpec(controlled=INSTRUMENT), "ilda", ["xx"])


def test_sentences_that_changed_since_the_plan_are_refused(tmp_path: Path) -> None:
    measures = Measures(names=("cka",), parallel=str(write_table(tmp_path, "aa", "bb")))
    found = plan_measurement(measures, DataSpec(), "aa", ["bb"])
    plain = TypeAdapter(Measurement).dump_python(found, mode="json")
    assert TypeAdapter(Measurement).validate_python(plain) == found
    write_table(tmp_path, "aa", "bb", mark="x")
    with pytest.raises(DataError, match="has changed since the plan was made"):
        read_measured(found, None)


def test_a_language_that_is_made_of_another_is_measured_with_what_it_is_made_of(tmp_path: Path) -> None:
    made = {"back": {"of": "ilda", "ways": "inverted"}, "fake": {"of": "jora:talk", "ways": ["fake"]}}
    spoken = DataSpec.model_validate({"controlled": INSTRUMENT, "artificial": made})
    measures = Measures.model_validate({"names": ["cka"], "parallel": "controlled"})
    found = plan_measurement(measures, spoken, "ilda", ("ilda", "jora", "back", "fake"))
    plain = plan_measurement(measures, DataSpec(controlled=INSTRUMENT), "ilda", ("ilda", "jora"))
    assert [name for name, *_ in found.texts] == ["jora", "back", "fake"]
    assert found.texts[:1] == plain.texts
    assert plain.made == ()
    adapter = TypeAdapter(Measurement)
    assert adapter.validate_json(adapter.dump_json(found)) == found
    jora, back, fake = read_measured(found, INSTRUMENT)
    for ours, theirs in zip(back.sources, back.targets, strict=True):
        assert isinstance(ours, Sentence)
        assert theirs == artificial_sentence(ours, ["inverted"])
    for ours, theirs in zip(jora.targets, fake.targets, strict=True):
        assert isinstance(ours, Sentence)
        assert theirs == artificial_sentence(ours, ["fake"])
    table = str(write_table(tmp_path, "ilda", "jora"))
    files = DataSpec.model_validate({"root": str(tmp_path), "artificial": {"back": made["back"]}})
    from_table = Measures.model_validate({"names": ["cka"], "parallel": table})
    (pair,) = read_measured(plan_measurement(from_table, files, "ilda", ("back",)), None)
    assert (pair.sources[3], pair.targets[3]) == ("ilda tola 3", "3 tola ilda")
    with pytest.raises(DataError, match="back is made of another language; expected a source that is none"):
        plan_measurement(from_table, files, "back", ("jora",))
