"""The command `analgesia events`: what it writes, and that nothing is written when the input is bad."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analgesia.cli import main
from analgesia.commands.events import command
from analgesia.dosing_records import run_events
from analgesia.errors import AnalgesiaError, ModelError, UnitError

VALUES = {"clearance": "1.1 L/h", "central_volume": "20 L", "absorption_rate": "1.5 1/h"}
GOOD = "id,Time,amt,CMT\n7,0,100,1\n7,.5,.,.\n7,2,0,2\n8,0,50,2\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "in.csv"
    path.write_text(text)
    return path


def invoke(
    path: Path, output: Path, values: dict[str, str] | None = None, kinetics: str = "one_compartment_oral"
) -> Result:
    sets = [x for k, v in (VALUES if values is None else values).items() for x in ("--set", f"{k}={v}")]
    return CliRunner().invoke(command, [str(path), "--kinetics", kinetics, *sets, "-o", str(output)])


def test_one_row_for_each_record_in_the_order_of_the_file(tmp_path: Path) -> None:
    result = invoke(write(tmp_path, GOOD), tmp_path / "out.csv")
    assert result.exit_code == 0, result.output
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["ID", "TIME", "depot", "central", "concentration"]
    assert [(r["ID"], r["TIME"]) for r in rows] == [("7", "0"), ("7", ".5"), ("7", "2"), ("8", "0")]
    assert [float(r["concentration"]) for r in rows] == pytest.approx([0, 2597.793, 4391.248, 2500], rel=2e-4)


def test_units_of_parameters_are_converted(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    plain = run_events(path, "one_compartment_oral", VALUES)
    other = {
        "clearance": "18.333333333333332 mL/min",
        "central_volume": "2 dL",
        "absorption_rate": "36 1/day",
    }
    same = run_events(path, "one_compartment_oral", other | {"central_volume": "200 dL"})
    assert same.concentration == pytest.approx(plain.concentration, rel=1e-9)


def test_a_reset_may_set_the_clock_back(tmp_path: Path) -> None:
    path = write(tmp_path, "ID,TIME,AMT,EVID,CMT\n1,0,100,1,2\n1,9,0,0,2\n1,0,40,4,2\n1,2,0,0,2\n")
    amounts = run_events(path, "one_compartment_oral", VALUES).amounts[:, 1]
    assert amounts == pytest.approx([100, 60.957, 40, 35.833], rel=1e-4)


def test_columns_for_the_central_compartment_leave_the_depot_alone(tmp_path: Path) -> None:
    path = write(
        tmp_path, "ID,TIME,AMT,CMT,LAGT,BIOAV\n1,0,100,1,5,.5\n1,1,0,1,5,.5\n2,0,100,2,5,.5\n2,6,0,2,5,.5\n"
    )
    amounts = run_events(path, "one_compartment_oral", VALUES).amounts
    assert amounts[:, 0] == pytest.approx([100, 22.313, 0, 0], rel=1e-4)
    assert amounts[:, 1] == pytest.approx([0, 75.089, 0, 47.324], rel=1e-4)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("one_compartment", {"clearance": "1 L/h", "central_volume": "5 L"}),
        ("two_compartment", {"intercompartmental_clearance": "2 L/h", "peripheral_volume": "9 L"}),
        (
            "three_compartment",
            {"deep_intercompartmental_clearance": "1 L/h", "deep_peripheral_volume": "40 L"},
        ),
    ],
)
def test_nothing_is_lost_in_any_model(name: str, values: dict[str, str], tmp_path: Path) -> None:
    chain = {"clearance": "0 L/h", "central_volume": "5 L", "intercompartmental_clearance": "2 L/h",
             "peripheral_volume": "9 L", "absorption_rate": "2 1/h"} | values  # fmt: skip
    path = write(tmp_path, "ID,TIME,AMT\n1,0,100\n1,5,0\n1,300,0\n")
    for oral in ("", "_oral"):
        from analgesia.kinetic_models import kinetic_model

        wanted = kinetic_model(name + oral).parameters
        given = {k: v for k, v in (chain | {"clearance": "0 L/h"}).items() if k in wanted}
        course = run_events(path, name + oral, given)
        assert course.amounts.sum(axis=1) == pytest.approx([100, 100, 100], rel=1e-6)
        levels = course.amounts[-1, (1 if oral else 0) :]
        volumes = [float(given[v].split()[0]) for v in wanted if v.endswith("volume")]
        assert levels == pytest.approx([100 * v / sum(volumes) for v in volumes], rel=1e-3)


BAD = {
    "empty": ("", "holds no records"),
    "header alone": ("ID,TIME,AMT\n", "holds no records"),
    "no TIME": ("ID,AMT\n1,5\n", "column TIME is missing"),
    "unknown column": (
        "ID,TIME,AMT,RATEE\n1,0,5,1\n",
        "column RATEE has no meaning here; did you mean RATE?",
    ),
    "twice": ("ID,TIME,AMT,amt\n1,0,5,5\n", "column AMT stands twice"),
    "ragged": ("ID,TIME,AMT\n1,0\n", "line 2: 2 values for 3 columns"),
    "text": ("ID,TIME,AMT\n1,0,much\n", "record 1, column AMT: 'much' is not a number"),
    "nan": ("ID,TIME,AMT\n1,0,5\n1,nan,0\n", "record 2, column TIME: nan is not a finite number"),
    "no time": ("ID,TIME,AMT\n1,.,5\n", "record 1, column TIME: no value"),
    "backwards": ("ID,TIME,AMT\n1,5,5\n1,2,0\n", "record 2, column TIME: 2 comes after 5 for ID 1"),
    "a thousand tonnes": ("ID,TIME,AMT\n1,0,1e12\n", "record 1, column AMT: 1e+12 is more than a tonne"),
    "negative": ("ID,TIME,AMT\n1,0,-3\n", "record 1, column AMT: -3 is negative"),
    "compartment": ("ID,TIME,AMT,CMT\n1,0,3,4\n", "record 1, column CMT: 4 is no compartment"),
    "off": ("ID,TIME,AMT,CMT,EVID\n1,0,0,-2,2\n", "record 1, column CMT: -2 turns a compartment off"),
    "kind": ("ID,TIME,AMT,EVID\n1,0,3,7\n", "record 1, column EVID: 7 is no kind of event"),
    "observation with amount": (
        "ID,TIME,AMT,EVID\n1,0,3,0\n",
        "record 1, column AMT: 3 stands on a record that gives no",
    ),
    "modelled into depot": (
        "ID,TIME,AMT,RATE,CMT,MODE,DUR2\n1,0,3,-2,1,2,4\n",
        "record 1, column RATE: -2 asks for DUR2, which belongs to the central compartment",
    ),
    "modelled without mode": (
        "ID,TIME,AMT,RATE,CMT,DUR2\n1,0,3,-2,2,4\n",
        "record 1, column MODE: RATE -2 needs MODE 2",
    ),
    "mode": ("ID,TIME,AMT,MODE\n1,0,3,5\n", "record 1, column MODE: 5 has no meaning"),
    "no duration": ("ID,TIME,AMT,RATE,CMT,MODE\n1,0,3,-2,2,2\n", "record 1, column DUR2: 0 is no duration"),
    "steady": ("ID,TIME,AMT,SS\n1,0,3,1\n", "record 1, column II: 0 is no interval for a steady state"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_give_one_clear_message_and_no_output(name: str, tmp_path: Path) -> None:
    text, message = BAD[name]
    path, output = write(tmp_path, text), tmp_path / "out.csv"
    with pytest.raises(ModelError) as caught:
        run_events(path, "one_compartment_oral", VALUES, output)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize(
    ("change", "message", "kind"),
    [
        ({"clearance": "1.1"}, "`clearance`: '1.1' is not a quantity", UnitError),
        ({"clearance": "1.1 mg"}, "`clearance`", UnitError),
        ({"clearance": "nan L/h"}, "`clearance`", UnitError),
        ({"central_volume": "-20 L"}, "`central_volume` is -20 L; it must be above 0", ModelError),
        ({"central_volume": "0 L"}, "`central_volume` is 0 L; it must be above 0", ModelError),
        ({"clearence": "1 L/h"}, "no parameter `clearence`; did you mean clearance?", ModelError),
        ({"absorption_rate": ""}, "`absorption_rate` is given no value", ModelError),
    ],
)
def test_bad_parameters_are_named(change: dict[str, str], message: str, kind: type, tmp_path: Path) -> None:
    with pytest.raises(kind) as caught:
        run_events(write(tmp_path, GOOD), "one_compartment_oral", VALUES | change, tmp_path / "out.csv")
    assert message in str(caught.value)
    assert not (tmp_path / "out.csv").exists()


def test_what_is_missing_or_double_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    with pytest.raises(ModelError, match=r'needs absorption_rate="\.\.\. 1/h" as well'):
        run_events(path, "one_compartment_oral", {k: VALUES[k] for k in ("clearance", "central_volume")})
    with pytest.raises(ModelError, match="`clearance` is given twice"):
        run_events(path, "one_compartment_oral", ["clearance=1 L/h", "clearance=2 L/h"])
    with pytest.raises(ModelError, match="did you mean one_compartment_oral"):
        run_events(path, "one_compartment_orl", VALUES)
    with pytest.raises(ModelError, match="cannot be read"):
        run_events(tmp_path / "none.csv", "one_compartment_oral", VALUES)
    with pytest.raises(AnalgesiaError, match="cannot be written"):
        run_events(path, "one_compartment_oral", VALUES, tmp_path / "no" / "out.csv")


def test_the_command_line_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["events", "--help"])
    assert end.value.code == 0
    assert "NONMEM" in capsys.readouterr().out
