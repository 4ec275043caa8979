"""`analgesia show` and `analgesia sources`: one answer as data and as text, and every doubtful number marked."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from analgesia import evidence, show
from analgesia.cli import main
from analgesia.commands import show as show_command
from analgesia.commands import sources as sources_command
from analgesia.errors import EvidenceError
from analgesia.show.text import _number_table


def run(command: object, *arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, env={"COLUMNS": "200"})  # type: ignore[arg-type]
    assert result.exit_code == 0, result.output
    return result.output


def test_a_drug_as_data_and_as_text() -> None:
    data = json.loads(run(show_command.command, "drug", "mitragynine", "--json"))
    affinity = next(number for number in data["numbers"] if number["key"] == "affinity.mu_opioid")
    assert affinity["status"] == "recalled"
    assert len(affinity["measured"]) == 8
    assert sum(data["counts"].values()) > 20
    text = run(show_command.command, "drug", "mitragynine")
    assert f"{affinity['value']:.4g} nM†" in text
    assert "† recalled" in text


def test_a_doubtful_number_never_appears_without_its_mark() -> None:
    library = evidence.load()
    for drug in library.drugs:
        for number in show.show("drug", drug, library)["numbers"]:
            for shown in (number, *number.get("measured", [])):
                assert bool(shown["mark"]) == (shown["status"] != "read")
                assert show.marked(shown["value"], shown["unit"], shown["status"]).endswith(shown["mark"])


@pytest.mark.parametrize("kind", show.KINDS)
def test_everything_can_be_shown(kind: str) -> None:
    from rich.console import Console

    library = evidence.load()
    names = list(library.folder(kind))
    for name in names if kind != "source" else names[:10]:
        data = show.show(kind, name, library)
        json.dumps(data)
        console = Console(width=120)
        with console.capture() as captured:
            console.print(show.render(data))
        assert name in captured.get()


def test_names_are_listed() -> None:
    assert run(show_command.command, "drug").split() == list(evidence.load().drugs)
    assert json.loads(run(show_command.command, "drug", "--json")) == list(evidence.load().drugs)


def test_sources_by_status_are_written_out() -> None:
    listed = json.loads(run(sources_command.command, "--status", "recalled", "--json"))
    assert listed
    assert {use["status"] for source in listed for use in source["uses"]} == {"recalled"}
    text = run(sources_command.command, "--status", "recalled")
    assert "waiting to be checked" in text


def test_counts_add_up() -> None:
    everything = show.list_sources(evidence.load())
    by_status = {status: show.list_sources(evidence.load(), status) for status in evidence.STATUSES}
    for status, listed in by_status.items():
        assert sum(len(s["uses"]) for s in listed) == sum(s["counts"].get(status, 0) for s in everything)


def test_used_and_unused_are_all() -> None:
    library = evidence.load()
    used = {source["name"] for source in show.list_sources(library)} - {None}
    unused = {source["name"] for source in show.list_sources(library, unused=True)}
    assert used | unused == set(library.sources)
    assert not used & unused


def test_a_source_tells_its_doubts() -> None:
    data = show.show("source", "toll1998", evidence.load())
    assert "title recalled" in data["flags"]
    assert any("affinity.mu_opioid" in place for place in data["cited_at"])


def test_what_a_person_may_mistype(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, expected in (
        (["show", "drug", "mitragynin"], 'did you mean "mitragynine"'),
        (["show", "drog", "morphine"], 'did you mean "drug"'),
        (["sources", "--status", "recaled"], 'did you mean "recalled"'),
        (["sources", "--status", "read", "--unused"], "exclude each other"),
    ):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        assert expected in capsys.readouterr().err


def test_names_complete_in_the_shell() -> None:
    from click import Context

    context = Context(show_command.command)
    context.params["kind"] = "drug"
    parameters = {parameter.name: parameter for parameter in show_command.command.params}
    assert [c.value for c in parameters["name"].shell_complete(context, "gabap")] == ["gabapentin"]
    assert "drug" in [c.value for c in parameters["kind"].shell_complete(context, "dr")]


def test_unknown_kind_in_the_library() -> None:
    with pytest.raises(EvidenceError, match="unknown kind"):
        show.show("thing", "x", evidence.load())


def test_text_from_evidence_is_not_markup() -> None:
    from rich.console import Console

    number = evidence.load().drugs["morphine"].molar_mass
    data = show.describe_number(number) | {"at": "[bold]not markup[/bold]", "key": "[red]"}
    console = Console(width=160)
    with console.capture() as captured:
        console.print(_number_table([data]))
    assert "[bold]not markup[/bold]" in captured.get()
