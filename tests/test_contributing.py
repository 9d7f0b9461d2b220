"""The theorem that CONTRIBUTING shows is tried."""

import dataclasses
import re
from pathlib import Path

from zobench.registry import find
from zobench.verdict.judgement import judge

TEXT = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
[CODE] = re.findall(r"```python\n(.*?)```", TEXT, re.S)
SHOWN: dict = {}
exec(CODE, SHOWN)


def test_the_theorem_shown_takes_about_twenty_lines_and_holds():
    theorem = SHOWN["linear"]
    assert len(CODE.splitlines()) <= 26
    verdicts = [judge(theorem, find("solvers", "mezo"), cell, seeds=80) for cell in theorem.cells]
    assert {verdict.verdict for verdict in verdicts} <= {"supported", "not refuted"}
    assert verdicts[0].tightness > 0.8


def test_the_theorem_shown_refutes_a_step_of_three_times_the_length():
    theorem = SHOWN["linear"]

    def thrice(case):
        return {**theorem.parameters(case), "step_size": 3.0 * theorem.parameters(case)["step_size"]}

    mutant = dataclasses.replace(theorem, parameters=thrice)
    verdict = judge(mutant, find("solvers", "mezo"), theorem.cells[0], seeds=80)
    assert verdict.verdict == "refuted"
