"""YAML made to take memory, time or the process itself: an error at once, with its line, whatever reads the file."""

import pytest

from dagster_drips.collector.events.hooks_config import read_hooks
from dagster_drips.collector.preferences.topics import Topics
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.yaml_source import Mistake, YamlDocument, read_yaml

LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
BOMBS = {
    "a list of lists of lists": (LAUGHS, 15, "more than 100000 values"),
    "the same as mappings": (
        "a0: &a0 {k: x}\n" + "".join(f"a{n}: &a{n} {{k: *a{n - 1}, l: *a{n - 1}}}\n" for n in range(1, 60)),
        15,
        "more than 100000 values",
    ),
    "merged mappings": (
        "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], y{n}: 1}}\n" for n in range(1, 60)),
        14,
        "more than 100000 values",
    ),
    "one alias many times": ("a: &a [" + "x," * 2_000 + "]\nb:\n" + "  - *a\n" * 90, 51, "more than 100000 values"),
    "a chain of aliases": (
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 2_000)), 50, "more than 50 deep"
    ),
    "lists without end": ("name: x\ntopic: " + "[" * 200_000, 2, "more than 50 deep"),
    "lists that end": ("name: x\ntopic: " + "[" * 200_000 + "]" * 200_000, 2, "more than 50 deep"),
    "mappings without end": ("name: x\ntopic: " + "{a: " * 200_000, 2, "more than 50 deep"),
    "indented without end": ("".join(" " * n + f"k{n}:\n" for n in range(2_000)), 51, "more than 50 deep"),
    "a list of itself": ("a: &a [*a]\nb: 1\n", 1, "contains itself"),
    "many values": ("a: [" + "x," * 200_000 + "]\n", 1, "more than 100000 values"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_a_mistake_at_its_line(name):
    text, line, words = BOMBS[name]
    found = read_yaml(text.encode())
    mistakes = [found] if isinstance(found, Mistake) else found.mistakes
    assert [(mistake.line, words in mistake.message) for mistake in mistakes] == [(line, True)]


def test_anchors_that_people_use_are_read():
    text = "window: &w {start: '08:00'}\na: {<<: *w, end: '09:00'}\nb: [*w, *w]\n"
    found = read_yaml(text.encode())
    assert isinstance(found, YamlDocument)
    assert found.data["a"] == {"start": "08:00", "end": "09:00"}
    assert found.data["b"] == [{"start": "08:00"}] * 2


@pytest.fixture
def project(tmp_path) -> Project:
    (tmp_path / "dbt_project" / "models" / "segments").mkdir(parents=True)
    folder = tmp_path / "sequences" / "welcome"
    folder.mkdir(parents=True)
    (folder / "hello.html").write_text("<p>x</p>")
    (folder / "sequence.yml").write_text(
        "status: active\nsender: {name: Ada, email: ada@acme.example}\ntrigger: {event: lead_created}\n"
        "steps: [{id: one, subject: Hi, template: hello.html}]\n"
    )
    return Project.at(tmp_path)


@pytest.mark.parametrize("bomb", ["a list of lists of lists", "lists that end", "a chain of aliases"])
@pytest.mark.parametrize("file", ["project.yml", "senders.yml", "other/sequence.yml"])
def test_every_file_of_sequences_says_so_and_the_others_go_on(project, file, bomb):
    text, line, words = BOMBS[bomb]
    path = project.sequences / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    catalog = read_catalog(project, segments=())
    assert [(problem.file, problem.line) for problem in catalog.errors] == [(f"sequences/{file}", line)]
    assert words in catalog.errors[0].message
    assert list(catalog.written) == ["welcome"]


def test_a_topic_that_is_a_bomb_is_none(project):
    for number, bomb in enumerate(BOMBS):
        folder = project.sequences / f"s{number}"
        folder.mkdir()
        (folder / "sequence.yml").write_text(BOMBS[bomb][0] + "\nstatus: active\ntopic: *a59\n")
    plain = project.sequences / "welcome" / "sequence.yml"
    plain.write_text("topic: news\n" + plain.read_text())
    assert Topics(project).names() == ["news"]


def test_a_bomb_in_hooks_is_told_and_there_are_no_hooks():
    text, line, words = BOMBS["a list of lists of lists"]
    hooks, [problem] = read_hooks(text.encode())
    assert (hooks, problem.file, problem.line, words in problem.message) == ({}, "sequences/hooks.yml", line, True)
