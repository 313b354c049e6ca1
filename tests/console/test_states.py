"""The console where there is little to see: nothing published, nothing in what is, files with mistakes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dagster_drips.console import files
from dagster_drips.console.app import PAGES
from dagster_drips.console.editing import write_checked
from dagster_drips.console.leads import own_fields
from dagster_drips.console.parts import duration, literal, told
from dagster_drips.console.published import published_set
from dagster_drips.errors import DripsError
from dagster_drips.project import Project

from .looking import SEQUENCE, complaints, looked_at, publish_nothing, small_project, words


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return small_project(tmp_path)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Nothing is published."""
    return small_project(tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A set is published, and there is nothing in it."""
    project = small_project(tmp_path_factory.mktemp("empty"))
    publish_nothing(project)
    return project


@pytest.mark.parametrize("page", PAGES)
def test_before_anything_is_published_each_page_says_what_to_do(page: str, bare: Project) -> None:
    shown = looked_at(page, bare)
    assert complaints(shown) == []
    assert re.search("`drips |nothing is published yet", words(shown))
    assert not bare.warehouse.exists()


@pytest.mark.parametrize("page", PAGES)
def test_of_a_set_with_nothing_in_it_each_page_says_why_there_is_nothing(page: str, empty: Project) -> None:
    shown = looked_at(page, empty)
    assert complaints(shown) == []
    assert len(shown.info) + len(shown.success) > 0
    assert shown.get("vega_lite_chart") == []


def test_a_mail_is_shown_to_a_reader_who_is_made_up_with_the_event_of_its_tests(project: Project) -> None:
    shown = looked_at("preview", project)
    assert complaints(shown) == []
    assert [box.value for box in shown.selectbox] == ["cart", "first"]
    [inbox, phone] = [element.body for element in shown.get("html")]
    assert "Your Lamp" in inbox and "For Ada" in inbox and "Ada" in phone
    assert [area.value for area in shown.text_area] == ['{"product": "Lamp"}']
    html, text = (element.value for element in shown.code)
    assert "<h1" in html and "Hi Ada" in text
    shown.text_area[0].set_value('{"product": "Hat"}').run()
    assert "Your Hat" in shown.get("html")[0].body
    shown.text_area[0].set_value("[1]").run()
    assert "Properties are a JSON object." in words(shown)


def test_the_warehouse_is_never_opened(project: Project) -> None:
    publish_nothing(project)
    project.warehouse.write_text("no database: whoever opens it fails")
    (project.dbt / "models" / "content").mkdir()
    (project.dbt / "models" / "content" / "offers.sql").write_text("select 'L1' as lead_id, 5 as price")
    (project.sequences / "cart" / "first.html").write_text("<p>{{ content.offers.price | default('ask us') }}</p>")
    for page in PAGES:
        shown = looked_at(page, project)
        assert complaints(shown) == []
        if page == "preview":
            assert "content.offers, whose rows are not published" in words(shown)
            assert "ask us" in shown.code[1].value


def test_a_step_and_a_variant_can_be_chosen(project: Project) -> None:
    shown = looked_at("preview", project)
    shown.selectbox[1].set_value("second").run()
    assert [box.value for box in shown.selectbox] == ["cart", "second", "a"]
    shown.selectbox[2].set_value("b").run()
    assert complaints(shown) == []
    assert "B free" in shown.get("html")[0].body


def test_a_mail_that_cannot_be_made_and_a_file_with_a_mistake_are_told(project: Project) -> None:
    template = project.sequences / "cart" / "first.html"
    template.write_text("<p>{{ lead.plan }}</p>")
    shown = looked_at("preview", project)
    assert "can't be made for this reader" in words(shown)
    template.write_text("<p>{{ lead.first_name | nonsense }}</p>")
    shown.run()
    assert any("first.html" in told and "nonsense" in told for told in complaints(shown))
    assert "once its files have no mistake" in words(shown)
    template.write_text("<p>Hello</p>")
    shown.run()
    assert complaints(shown) == []


def test_an_edit_of_any_file_is_noticed(project: Project) -> None:
    seen = files.fingerprint(project)
    assert files.fingerprint(project) == seen
    (project.sequences / "cart" / "first.html").write_text("<h1>Hi {{ lead.first_name }}!</h1>")
    edited = files.fingerprint(project)
    assert edited != seen
    (project.segments / "new.sql").write_text("select 1 as lead_id")
    assert files.fingerprint(project) != edited
    (project.sequences / "nowhere").symlink_to(project.root / "gone")
    files.fingerprint(project)


def test_without_edit_nothing_can_be_written(project: Project) -> None:
    shown = looked_at("preview", project)
    assert [area.label for area in shown.text_area] == ["Properties, as JSON"]
    assert "Edit sequence.yml" not in words(shown)


def test_a_file_is_written_only_without_a_mistake_and_as_it_was_read(project: Project) -> None:
    file = project.sequences / "cart" / "sequence.yml"
    file.chmod(0o640)
    shown = looked_at("preview", project, can_edit=True)
    area = next(area for area in shown.text_area if area.label == "sequence.yml")
    area.set_value(SEQUENCE.replace("name: Cart", "nam: Cart"))
    next(button for button in shown.button if button.label == "Check and write").click().run()
    assert any("unknown key 'nam'" in told for told in complaints(shown))
    assert file.read_text() == SEQUENCE
    changed = SEQUENCE.replace("name: Cart", "name: Carts  # kept")
    area = next(area for area in shown.text_area if area.label == "sequence.yml")
    area.set_value(changed)
    next(button for button in shown.button if button.label == "Check and write").click().run()
    assert complaints(shown) == []
    assert file.read_text() == changed
    assert file.stat().st_mode & 0o777 == 0o640


def test_what_somebody_else_has_written_meanwhile_is_kept(project: Project) -> None:
    file = project.sequences / "cart" / "sequence.yml"
    file.write_text(SEQUENCE + "# theirs\n")
    with pytest.raises(DripsError, match="changed by somebody else"):
        write_checked(project, "cart", SEQUENCE.replace("Cart", "Carts"), before=SEQUENCE)
    assert file.read_text().endswith("# theirs\n")


def test_a_new_set_is_shown_at_the_next_look(project: Project) -> None:
    publish_nothing(project)
    shown = looked_at("segments", project)
    assert "2026-03-02 00:00" in words(shown)
    folder = publish_nothing(project, "20260303T000000.000000Z").parent
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"as_of": "2026-03-03T00:00:00Z"}))
    shown.run()
    assert "2026-03-03 00:00" in words(shown)
    found = published_set(project)
    assert found is not None
    assert found.folder == folder


def test_a_plan_that_is_none_is_one_line(project: Project) -> None:
    plan = project.root / "plan.json"
    for text in ("{", "[]", '{"base": "live"}'):
        plan.write_text(text)
        assert complaints(looked_at("plan", project)) == [f"{plan}: is no plan: `drips plan --json` prints one"]


def test_values_are_told_as_people_read_them() -> None:
    assert [told(value) for value in (None, 0, 1234567, 0.5, 12345.678, "x")] == [
        "–",
        "0",
        "1,234,567",
        "0.50",
        "12,346",
        "x",
    ]
    assert told(0.12345, share=True) == "12.35%"
    assert [duration(value) for value in (None, 0.2, 61, 90_061)] == ["–", "0 s", "1 min 1 s", "1 d 1 h"]
    assert literal("a_b*`$x$ [c](d) :red[e]") == r"a\_b\*\`\$x\$ \[c\]\(d\) \:red\[e\]"


def test_a_readers_fields_are_the_leads_own() -> None:
    row = {
        "lead_id": "L1",
        "email": "a@b",
        "segments": ["x"],
        "enrollments": 3,
        "address_state": "mailable",
        "plan": "gold",
    }
    assert own_fields(row) == {"lead_id": "L1", "email": "a@b", "plan": "gold"}
