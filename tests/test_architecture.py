"""The shape of the house: who calls whom, who writes which table, how long things may get, and every tool agrees."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pullsvc.labels.rules import COMMANDS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "pullsvc"
PYTHON = sorted(path for top in ("src", "tests", "migrations", "tools") for path in (ROOT / top).rglob("*.py"))
SERVICE = sorted(SOURCE.rglob("*.py"))

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
TOOL_LIMIT_S = 300

# Each table and the room that alone writes it.
OWNERS = {
    "stores": "catalog",
    "items": "catalog",
    "barcodes": "catalog",
    "catalog_marks": "catalog",
    "locations": "catalog",
    "placements": "catalog",
    "balances": "stock",
    "movements": "stock",
    "counts": "stock",
    "discrepancies": "stock",
    "receipts": "sales",
    "waiting_receipts": "sales",
    "receipt_revisions": "sales",
    "unknown_codes": "sales",
    "pulls": "pulls",
    "asks": "pulls",
    "offers": "pulls",
    "tubs": "tubs",
    "tasks": "tubs",
    "task_lines": "tubs",
    "sell_through": "demand",
    "store_rhythms": "demand",
    "watch_settings": "restock",
    "watch_schedule": "restock",
    "watched": "restock",
    "pull_wrongs": "restock",
    "gap_checks": "restock",
    "expected_deliveries": "restock",
    "principals": "access",
    "grants": "access",
    "api_keys": "access",
    "people": "access",
    "devices": "access",
    "device_enrolments": "access",
    "sessions": "access",
    "sign_in_guards": "access",
    "events": "outbox",
    "idempotency_keys": "web",
    "worker_heartbeats": "worker",
    "ledger_openings": "upkeep",
    "pull_openings": "upkeep",
}
# Tables that a later migration made into something else.
GONE = {"sale_lines"}
# Writers beside the owner, each with its reason.
GUESTS = {
    **{
        ("bench", table): "fills a world of its own by bulk"
        for table in (
            "stores",
            "items",
            "barcodes",
            "catalog_marks",
            "locations",
            "placements",
            "balances",
            "movements",
            "ledger_openings",
            "pulls",
            "tubs",
            "tasks",
            "task_lines",
            "watch_schedule",
        )
    },
    **{
        ("upkeep", table): "prunes what is past its days"
        for table in (
            "idempotency_keys",
            "tasks",
            "task_lines",
            "pulls",
            "asks",
            "offers",
            "counts",
            "discrepancies",
            "receipt_revisions",
            "waiting_receipts",
            "sessions",
            "device_enrolments",
            "sign_in_guards",
        )
    },
}
WRITES = re.compile(
    r"(?:INSERT\s+INTO|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE(?:\s+TABLE)?|(?<!FOR )(?<!KEY )(?<!DO )UPDATE)"
    r"\s+(?:ONLY\s+)?([a-z_]+)"
)
IGNORE = re.compile(r"#\s*(noqa|type:\s*ignore|ruff:\s*noqa)(?P<rest>[^\n]*)")
RUFF_REASON = re.compile(r":\s*[A-Z]+[0-9]+(?:\s*,\s*[A-Z]+[0-9]+)*\s+-\s+\S.{7,}")
TYPE_REASON = re.compile(r"\[[a-z-]+(?:\s*,\s*[a-z-]+)*\]\s+#\s+\S.{3,}")

# The web app: our own modules, the rooms they are in from the lowest up, and what no module may hold.
STATIC = SOURCE / "frontend" / "static"
MODULES = sorted(path for path in STATIC.rglob("*") if path.suffix in {".js", ".css"} and "vendor" not in path.parts)
STEPS = ("text", "core", "ui", "screens", "main.js")
# Scripts that stand alone: what keeps the app, and what speaks where it cannot start.
ALONE = {"sw.js", "guard.js"}
IMPORTED = re.compile(r"""(?:\bfrom|\bimport|\bimport\()\s*["'`](\.[^"'`]+)""")
OUTSIDE = re.compile(r"https?://(?!www\.w3\.org/2000/svg)")
FORBIDDEN = re.compile(
    r"(?:inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\b(?:window|globalThis)\.\w+ *="
)
SAID = re.compile(r"""\bt\(\s*["']([^"']+)["']""")
TEXT = re.compile(r"""^  (?:"([^"]+)"|(\w+)): (.*),$""", re.MULTILINE)
FILLED = re.compile(r"\{(\w+)\}")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room_of(path: Path) -> str:
    """The folder, or the file itself, at the top of the package."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def texts(path: Path) -> Iterator[str]:
    """Every text in a file that is not a docstring."""
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


class TestImports:
    def test_keep_the_contracts(self) -> None:
        run_tool("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache")


class TestTables:
    def test_each_has_an_owner(self) -> None:
        schema = "\n".join(path.read_text() for path in (ROOT / "migrations" / "versions").glob("*.py"))
        made = {name for name in re.findall(r"CREATE TABLE (\w+)", schema) if not name.endswith("_default")}

        assert made - GONE == set(OWNERS)

    @pytest.mark.parametrize("path", SERVICE, ids=name_of)
    def test_are_written_by_their_owner_alone(self, path: Path) -> None:
        room = room_of(path)
        written = {table.removesuffix("_default") for text in texts(path) for table in WRITES.findall(text)}
        foreign = {table for table in written & set(OWNERS) if OWNERS[table] != room and (room, table) not in GUESTS}

        assert foreign == set()

    def test_the_owner_is_found_to_write(self) -> None:
        """Or the pattern looks for something that nobody writes."""
        written = {(room_of(path), table) for path in SERVICE for text in texts(path) for table in WRITES.findall(text)}

        assert {(room, table) for table, room in OWNERS.items()} - written == set()
        assert set(GUESTS) <= written


class TestSizes:
    # Not of migrations: each is written once, read from top to bottom, and never changed again.
    @pytest.mark.parametrize("path", [path for path in PYTHON if "migrations" not in path.parts], ids=name_of)
    def test_of_files(self, path: Path) -> None:
        assert len(path.read_text().splitlines()) <= MAX_FILE_LINES

    @pytest.mark.parametrize("path", PYTHON, ids=name_of)
    def test_of_functions(self, path: Path) -> None:
        long = {
            node.name: lines
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (lines := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
        }

        assert long == {}


def texts_of(language: str) -> dict[str, str]:
    """Every text of the web app in a language, by its key; a key that stands in two parts is a mistake."""
    said: dict[str, str] = {}
    for path in sorted((STATIC / "text" / language).glob("*.js")):
        for quoted, plain, text in TEXT.findall(path.read_text()):
            assert (quoted or plain) not in said, f"{quoted or plain} stands twice"
            said[quoted or plain] = text
    return said


class TestWebApp:
    @pytest.mark.parametrize("path", MODULES, ids=name_of)
    def test_has_short_modules_and_needs_nothing_from_outside(self, path: Path) -> None:
        source = path.read_text()

        assert len(source.splitlines()) <= MAX_FILE_LINES
        assert OUTSIDE.findall(source) == []
        assert FORBIDDEN.findall(source) == []

    @pytest.mark.parametrize("path", [path for path in MODULES if path.name not in ALONE], ids=name_of)
    def test_calls_down_its_stairs(self, path: Path) -> None:
        step = STEPS.index(path.relative_to(STATIC).parts[0])
        called = {
            (path.parent / name).resolve().relative_to(STATIC).parts[0] for name in IMPORTED.findall(path.read_text())
        }

        assert called & set(STEPS[step + 1 :]) == set()

    def test_says_everything_in_every_language(self) -> None:
        english, spanish = texts_of("en"), texts_of("es")

        assert set(english) == set(spanish)
        filled = {key: set(FILLED.findall(text)) for key, text in english.items()}
        assert filled == {key: set(FILLED.findall(text)) for key, text in spanish.items()}

    def test_has_a_text_for_every_key_it_names(self) -> None:
        named = {key for path in MODULES if "text" not in path.parts for key in SAID.findall(path.read_text())}

        assert named - set(texts_of("en")) == set()

    def test_knows_the_commands_that_labels_print(self) -> None:
        listed = re.search(r"COMMANDS = Object.freeze\((\[.*?\])\)", (STATIC / "core" / "commands.js").read_text())

        assert listed
        assert tuple(ast.literal_eval(listed[1])) == tuple(command.word for command in COMMANDS)

    def test_vendors_what_the_book_records(self) -> None:
        run_tool("tools/vendor.py", "--check")


class TestIgnores:
    @pytest.mark.parametrize("path", PYTHON, ids=name_of)
    def test_have_a_reason(self, path: Path) -> None:
        bare = []
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            found = IGNORE.search(line)
            if found is None or path == Path(__file__):
                continue
            reason = TYPE_REASON if found[1].startswith("type") else RUFF_REASON
            if not reason.match(found["rest"].strip() if found[1].startswith("type") else found["rest"]):
                bare.append(number)

        assert bare == []


def run_tool(*words: str) -> None:
    """Run a tool of this environment over the repository; its complaints are the test's."""
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=TOOL_LIMIT_S
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]


class TestTools:
    def test_ruff_finds_nothing(self) -> None:
        run_tool("-m", "ruff", "check", "--quiet", ".")

    def test_ruff_would_write_it_the_same(self) -> None:
        run_tool("-m", "ruff", "format", "--check", "--quiet", ".")

    def test_mypy_finds_nothing(self) -> None:
        run_tool("-m", "mypy")
