from __future__ import annotations

import subprocess
import sys

import pytest

from layerlab.errors import LabelError
from layerlab.names import task_name
from layerlab.tasks import task as module
from layerlab.tasks.tagging import UPOS_TAGGING, Tagging
from layerlab.tasks.task import Task, get_task, known_tasks, register_task, task


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    known_tasks()
    monkeypatch.setattr(module, "_TASKS", dict(module._TASKS))


def make(name: str) -> Tagging:
    upos = UPOS_TAGGING
    return Tagging(name, upos.formats, upos.metric, upos.tags_of, upos.labels_of, upos.scores_of)


def test_parts_of_speech_and_entities_are_known() -> None:
    assert {"upos", "ner"} <= set(known_tasks())
    upos: Task = get_task("upos")
    assert (upos.formats, upos.metric) == (("conllu",), "accuracy")
    assert (get_task("ner").formats, get_task("ner").metric) == (("iob2",), "span_f1")


def test_misspelt_task_is_refused_with_a_guess() -> None:
    with pytest.raises(LabelError, match="unknown task 'upso'; did you mean 'upos'"):
        get_task("upso")


def test_a_task_of_ones_own_is_registered_by_decorator_or_call() -> None:
    @task("xpos")
    def make_xpos() -> Tagging:
        return make("xpos")

    register_task(make("case"))
    assert get_task("xpos").name == make_xpos().name
    assert {"xpos", "case"} <= set(known_tasks())


def test_a_task_says_what_reports_call_it() -> None:
    @task("xpos")
    class Xpos:
        name = "xpos"
        title = "XPOS"

    assert task_name(Xpos.name) == "XPOS"


def test_a_task_must_be_called_as_it_is_registered() -> None:
    with pytest.raises(LabelError, match="registered as 'xpos' calls itself 'upos'"):
        task("xpos")(lambda: UPOS_TAGGING)


def test_packages_register_tasks_through_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class EntryPoint:
        name = "genders"

        def load(self) -> object:
            return lambda: make("genders")

    module._load_packages.cache_clear()
    monkeypatch.setattr(module, "entry_points", lambda group: [EntryPoint()])
    assert get_task("genders").name == "genders"
    module._load_packages.cache_clear()


def test_tasks_and_the_catalogue_are_known_without_torch() -> None:
    code = (
        "import sys; from layerlab.tasks.task import known_tasks; import layerlab.data.catalog.corpus; "
        "known_tasks(); "
        "assert not {'torch', 'transformers', 'datasets'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
