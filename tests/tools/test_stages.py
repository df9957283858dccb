"""The stages of `make test` and `make test-long`: what the page says of them, what their reports tell, which files count."""

import importlib.machinery
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import project_files  # noqa: E402  (after the path that leads to it)
import stages  # noqa: E402

loader = importlib.machinery.SourceFileLoader("run_stages", str(ROOT / "tools/test"))
run_stages = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
sys.modules[loader.name] = run_stages
sys.dont_write_bytecode, before = True, sys.dont_write_bytecode  # no tools/testc
loader.exec_module(run_stages)
sys.dont_write_bytecode = before

ALL = (*stages.STAGES, *stages.LONG_STAGES)
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


# --- the list and the page

def test_the_page_has_the_table_that_the_list_of_stages_gives():
    assert run_stages.with_tables(PAGE, {}) == PAGE, "CONTRIBUTING.md is not up to date: run tools/test --table"


def test_a_page_without_its_marks_is_not_cut_off():
    with pytest.raises(ValueError, match="the marks around the stages of make test-long are not there"):
        run_stages.with_tables(PAGE.replace("<!-- end of make test-long -->", ""), {})


def test_a_measured_cost_takes_the_place_of_the_page_s_and_the_others_stay():
    first, second = stages.STAGES[:2]
    page = run_stages.with_tables(PAGE, {first.name: {"processor": 77777.2, "commit": "abc"}})
    assert f"| `{first.name}` | {first.proves} | 77777 | abc |" in page
    assert [row for row in run_stages.TABLE_ROW.findall(page) if row[0] == second.name] == \
           [row for row in run_stages.TABLE_ROW.findall(PAGE) if row[0] == second.name]


@pytest.mark.parametrize("stage", ALL, ids=lambda stage: stage.name)
def test_a_stage_says_what_it_proves_and_names_what_is_there(stage):
    assert re.fullmatch(r"[^|\n]+\.", stage.proves)
    files = project_files.project_files()
    for name in stage.inputs:
        assert project_files.below(files, [name]), f"{name} is not there"
    for command in stage.commands:
        for script in re.findall(r"(?:^|\s)((?:tools|tests|bench)/[\w/.-]+)", command.partition(" cd ")[0]):
            assert (ROOT / script).exists(), f"{script} is not there"


def test_names_are_unique_and_needs_come_before():
    names = [stage.name for stage in ALL]
    assert len(set(names)) == len(names)
    for number, stage in enumerate(stages.STAGES):
        assert set(stage.needs) <= set(names[:number])
    assert not any(stage.needs for stage in stages.LONG_STAGES)  # each can be run alone


# --- reports

CTEST = """<testsuite><testcase name="data.Large.File" status="notrun"><skipped message=""/>
<system-out>[ RUN ]\ntests/data/large_test.cpp:52: Skipped\nno address space\n\n[  SKIPPED ]</system-out></testcase>
<testcase name="base.Text" status="run"><system-out/></testcase>
<testcase name="base.Broken" status="fail"><failure message=""/><system-out/></testcase></testsuite>"""
PYTEST = """<testsuites><testsuite><testcase name="test_large"><skipped type="pytest.skip" message="no sklearn">x</skipped>
</testcase><testcase name="test_fine"/></testsuite></testsuites>"""
GOOGLETEST = """<testsuites><testsuite><testcase name="File" status="run"><skipped message="a.cpp:52&#x0A;no room"/></testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize(("text", "passed", "failed", "skipped"), [
    (CTEST, 1, ["base.Broken"], ["data.Large.File: no address space"]),
    (PYTEST, 1, [], ["test_large: no sklearn"]),
    (GOOGLETEST, 0, [], ["File: no room"]),
], ids=["ctest", "pytest", "googletest"])
def test_a_report_tells_what_passed_what_failed_and_why_others_were_skipped(tmp_path, text, passed, failed, skipped):
    file = tmp_path / "report.xml"
    file.write_text(text, "utf-8")
    report = run_stages.read_report(file)
    assert (report.passed, report.failed, report.skipped) == (passed, failed, skipped)


def test_what_did_not_run_is_named_in_the_summary(capsys, monkeypatch):
    monkeypatch.setattr(run_stages, "lacking_levels", lambda: ["avx512"])
    report = run_stages.Report(passed=3, skipped=["File: no room", "File: no room"])
    assert run_stages.print_summary({"tests": run_stages.Result("tests", report, "ok", 2.0, 1.25)}) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-4:] == ["not run here: tests: File: no room (2 times)", "not run here: avx512 (this processor lacks it)",
                          "2 s, 1 processor seconds, 2 skipped", "3 passed, 0 failed"]


def test_a_failed_stage_counts_though_no_test_of_its_own_failed(capsys):
    broken = run_stages.Result("build", run_stages.Report(), "FAILED", words=("error: no",))
    assert run_stages.print_summary({"build": broken}) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 1 failed"


# --- files

def copy_of_sources(folder):
    (folder / ".gitignore").write_text("/build/\n__pycache__/\n", "utf-8")
    for name in ("handgrad/a.cpp", "handgrad/build/kept.hpp", "build/left_out.cpp", "tools/__pycache__/left_out.pyc"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("", "utf-8")


def test_without_git_the_files_are_those_that_gitignore_does_not_leave_out(tmp_path):
    around = tmp_path / "of_another_project"
    around.mkdir()
    subprocess.run(["git", "init", "-q", around], check=True)  # which must not be asked
    root = around / "handgrad"
    root.mkdir()
    copy_of_sources(root)
    assert project_files.project_files(root) == [".gitignore", "handgrad/a.cpp", "handgrad/build/kept.hpp"]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this tree has no .git to compare with")
def test_here_both_ways_find_the_same_files():
    walked = {name for name in project_files.walked(ROOT) if not name.startswith(".git/") and name != ".git"}
    assert walked == set(project_files.project_files())


def test_an_input_that_changes_changes_the_fingerprint(tmp_path, monkeypatch):
    copy_of_sources(tmp_path)
    monkeypatch.setattr(run_stages, "ROOT", tmp_path)
    monkeypatch.setattr(run_stages, "project_files", lambda: project_files.project_files(tmp_path))
    before = run_stages.fingerprint(["handgrad"])
    (tmp_path / "tools/other").write_text("x", "utf-8")
    assert run_stages.fingerprint(["handgrad"]) == before
    (tmp_path / "handgrad/a.cpp").write_text("x", "utf-8")
    assert run_stages.fingerprint(["handgrad"]) != before
