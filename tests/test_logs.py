"""Logs: readable by people or machines, without secrets, and never on stdout."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from pullsvc import logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_json_lines_carry_what_was_bound(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(form="json", level="INFO")
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("pullsvc.test").info("done", qty=3)
    out, err = capsys.readouterr()
    line = json.loads(err)

    assert out == ""
    assert (line["event"], line["qty"], line["request_id"], line["level"]) == ("done", 3, "r-1", "info")


@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_are_blanked_out(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(form=form, level="INFO")
    structlog.get_logger("pullsvc.test").info("oops", token="hunter2", database_url="postgresql://u:hunter2@h/d")
    logging.getLogger("library").warning("oops", extra={"password": "hunter2"})

    assert "hunter2" not in capsys.readouterr().err


@pytest.mark.parametrize("form", ["json", "console"])
def test_tracebacks_do_not_show_local_variables(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(form=form, level="INFO")
    hidden = str(2**64)
    try:
        raise RuntimeError("it failed")
    except RuntimeError:
        structlog.get_logger("pullsvc.test").exception("failed")
    err = capsys.readouterr().err

    assert "it failed" in err
    assert hidden not in err
