"""Neither imports the other, so the names that a recipe's rows and selftest share stand in both."""

import ast
from pathlib import Path

from inferpack.expectation import TASKS, Feature, Least, Operator, Task
from selftest import frameworks, language, numbers, tasks
from selftest.classes import ISAS, SLOW, SOME
from selftest.cpu import ARM_FEATURES, X86_FEATURES
from selftest.network import OPERATORS

PROGRAM = Path(frameworks.__file__).parents[1]
DATA = PROGRAM / "data"
MADE = {
    "of_digits": tasks.of_digits(DATA).name,
    "of_encoder": tasks.of_encoder(DATA).name,
    "numbers.task": numbers.task(DATA / "ctranslate2/numbers.txt").name,
    "language.generation": language.generation(DATA / "llama-cpp/numbers.txt").name,
    "language.task": language.task(DATA / "llama-cpp/numbers.txt").name,
}
"""What an adapter calls, and the name of the task that it gets."""


def run_by(framework: str) -> tuple[str, ...]:
    """The tasks of an adapter by its text: it loads only where its framework is."""
    tree = ast.parse((PROGRAM / f"frameworks/{framework.replace('-', '_')}.py").read_text())
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    (method,) = (node for node in functions if node.name == "tasks")
    calls = (node for node in ast.walk(method) if isinstance(node, ast.Call))
    made = (MADE.get(ast.unparse(call.func)) for call in calls)
    return tuple(dict.fromkeys(name for name in made if name))


def test_a_row_may_ask_for_exactly_the_features_that_selftest_knows() -> None:
    assert set(Feature) == {*X86_FEATURES, *ARM_FEATURES}


def test_a_row_may_ask_for_exactly_the_kernels_that_selftest_knows() -> None:
    assert list(Least) == [SOME, SLOW, *ISAS]
    assert set(Operator) == set(OPERATORS)


def test_a_row_may_name_exactly_the_tasks_that_selftest_runs_in_its_framework() -> None:
    assert set(Task) == set(MADE.values())
    assert {name: run_by(name) for name in frameworks.NAMES} == TASKS
