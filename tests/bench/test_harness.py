"""The harness on tiny cases, the form of the results, and the page drawn from them. No times are asserted."""

import json
from pathlib import Path

import pytest
import torch
from bench import groups, measure, page, running
from bench.case import Case, Sides

ROOT = Path(__file__).parents[2]
RESULTS = sorted((ROOT / "bench" / "results").glob("*.json"))
NUMBERS = ("ours_ms", "peer_ms", "ratio", "excess_ms", "ours_spread", "peer_spread", "accuracy")
TEXTS = ("case", "ours", "peer", "note")


def tiny_case(**changes):
    x = torch.arange(6.0)
    sides = Sides(lambda: x + x, lambda: 2 * x, 0.0)
    return Case(
        **{"name": "tiny: doubling", "ours": "x + x", "peer": "2 x", "prepare": lambda: sides} | changes
    )


def check_row(row):
    assert all(isinstance(row[k], str) for k in TEXTS)
    assert all(isinstance(row[k], float) for k in NUMBERS)
    assert row["ratio"] == pytest.approx(row["ours_ms"] / row["peer_ms"], rel=1e-3)
    assert all(row[k] is None or row[k] > 0 for k in ("target", "excess_target_ms"))
    assert all(row[k] is None or row[k] >= 0 for k in ("ours_mib", "peer_mib"))
    assert row["threads"] >= 1
    assert row["versions"]["torch"] == row["versions"]["torch"].partition("+")[0]


def test_one_row(monkeypatch):
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    row = running.measure_case(tiny_case(), seconds=0.0)
    check_row(row)
    assert json.loads(json.dumps(row)) == row


def test_different_results_are_not_compared():
    case = tiny_case(prepare=lambda: Sides(int, int, 0.3))
    with pytest.raises(SystemExit, match=r"the two sides differ by 0\.3, more than 0\.0001"):
        running.measure_case(case, 0.0)


def test_sides_take_turns():
    order = []
    sides = Sides(lambda: order.append("a"), lambda: order.append("b"), 0.0)
    measure.SAMPLE, before = 0.0, measure.SAMPLE
    try:
        measure.compare(sides, seconds=0.0)
    finally:
        measure.SAMPLE = before
    assert "".join(order[6:16]) == "abbaabbaab"


def test_disturbed_samples_do_not_count():
    calm, hit = measure._Sample(1.0, 1.0), measure._Sample(9.0, 0.5)
    pairs = [(calm, calm)] * 5 + [(calm, hit), (hit, calm)]
    assert measure._undisturbed(pairs) == [(calm, calm)] * 5
    assert len(measure._undisturbed([(hit, hit)] * 9)) == measure.LEAST


def test_memory_is_that_of_one_call():
    found = measure.peak_mib(lambda: torch.ones(8, 1 << 20))
    if found is None:
        pytest.skip("this system does not tell peak memory")
    assert 30 < found < 40


def test_own_measurements_are_taken_over():
    sides = Sides(lambda: (2.0, 30.0), lambda: (1.0, 10.0), 0.0)
    timing = measure.compare(sides, 0.0, external=True)
    assert (timing.ours_ms, timing.peer_ms, timing.ours_mib, timing.peer_mib) == (2000, 1000, 30, 10)


@pytest.mark.parametrize(
    ("limits", "reached"),
    [({}, None), ({"target": 0.6}, True), ({"target": 0.4}, False), ({"excess_target_ms": 1.0}, True),
     ({"excess_target_ms": -2.0}, False), ({"target": 0.6, "excess_target_ms": -2.0}, False)],
)  # fmt: skip
def test_targets(limits, reached):
    row = {"target": None, "excess_target_ms": None, "ratio": 0.5, "excess_ms": -1.0} | limits
    assert running.met(row) is reached


def test_unknown_group():
    with pytest.raises(SystemExit, match="there is no group 'cores'; there are: core"):
        groups.cases("cores")


@pytest.mark.parametrize("group", groups.names())
def test_cases_are_well_formed(group):
    for case in groups.cases(group):
        assert ": " in case.name
        assert (case.curve is None) == (case.x is None)


@pytest.mark.parametrize("path", RESULTS, ids=lambda p: p.stem)
def test_committed_results(path):
    results = json.loads(path.read_text())
    assert results["group"] == path.stem
    assert set(results["machine"]) == {"cpu", "cores", "system", "python"}
    assert [r["case"] for r in results["rows"]] == [c.name for c in groups.cases(path.stem)]
    for row in results["rows"]:
        check_row(row)


@pytest.mark.parametrize("path", RESULTS, ids=lambda p: p.stem)
def test_the_page_shows_the_committed_results(path):
    drawn = page.files(json.loads(path.read_text()))
    for name, text in drawn.items():
        assert (ROOT / "docs" / "benchmarks" / name).read_text() == text, "run: python -m bench page"


def test_page_says_where_we_lose(monkeypatch):
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    row = running.measure_case(tiny_case(), 0.0) | {"ratio": 2.0, "target": 1.5}
    results = {
        "group": "tiny", "date": "2026-01-01", "versions": {"torch": "2"},
        "machine": {"cpu": "a CPU", "cores": 2, "system": "Linux", "python": "3.11"}, "rows": [row],
    }  # fmt: skip
    text = page.markdown(results)
    assert "- **tiny: doubling** misses its target: 2.00 × 2 x, asked for 1.5 ×." in text
    assert "✗" in text
