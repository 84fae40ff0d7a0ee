"""The contract: checked in, valid, and complete for whoever generates a client from it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from pullsvc.cli.contract import contract_text
from pullsvc.web.openapi import REFUSALS, example_of, operations

ROOT = Path(__file__).parents[1]
SPEC: dict[str, Any] = json.loads(contract_text())
OPERATIONS = {operation["operationId"]: (path, method, operation) for path, method, operation in operations(SPEC)}
OF_STORES = {name: found for name, found in OPERATIONS.items() if found[0].startswith("/v1/")}
OPEN = {"check_alive", "check_ready", "read_metrics", "enrol_device"}

# Their repeats change nothing, or make a secret anew in place of the one whose answer was lost: secrets are not kept.
BY_NATURE = (
    *("/imports/{what}", "/receipts", "receipt-batches", "/receipt-streams", "/rehearsals"),
    *("/device-enrolments", "/devices", "/sessions", "/session/lock", "/session/unlock", "/pin"),
)

all_operations = pytest.mark.parametrize("name", OPERATIONS)


def followed(node: dict[str, Any]) -> dict[str, Any]:
    """The node itself, or what it refers to."""
    found: Any = node
    if "$ref" in node:
        found = SPEC
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
    assert isinstance(found, dict)
    return found


def bodies(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = operation.get("requestBody", {}).get("content", {})
    return content


class TestDocument:
    def test_is_the_one_checked_in(self) -> None:
        """After a change of the API: make openapi, and read the difference."""
        assert (ROOT / "openapi" / "openapi.json").read_text() == contract_text()

    def test_is_valid(self) -> None:
        assert [error.message for error in OpenAPIV31SpecValidator(SPEC).iter_errors()] == []

    def test_says_where_and_under_which_licence(self) -> None:
        assert SPEC["openapi"] == "3.1.0"
        assert SPEC["info"]["license"]["identifier"] == "Apache-2.0"
        assert [server["url"] for server in SPEC["servers"]] == ["/"]
        assert SPEC["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"

    def test_describes_every_tag_and_uses_every_tag(self) -> None:
        used = {tag for _, _, operation in OPERATIONS.values() for tag in operation["tags"]}

        assert {tag["name"] for tag in SPEC["tags"] if tag["description"]} == used

    def test_has_no_word_of_a_later_version(self) -> None:
        assert "itemSchema" not in json.dumps(SPEC).replace("x-itemSchema", "")

    def test_names_schemas_for_people(self) -> None:
        """Two models of one name get their modules' names in front: rename one."""
        assert [name for name in SPEC["components"]["schemas"] if not re.fullmatch(r"[A-Z][A-Za-z0-9]+", name)] == []


class TestOperations:
    def test_have_ids_of_their_own(self) -> None:
        assert len(OPERATIONS) == len(operations(SPEC))

    @all_operations
    def test_have_an_id_fit_for_a_method_of_a_client(self, name: str) -> None:
        assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", name)

    @all_operations
    def test_have_a_summary_and_one_tag(self, name: str) -> None:
        _, _, operation = OPERATIONS[name]

        assert operation["summary"]
        assert len(operation["tags"]) == 1

    @all_operations
    def test_ask_for_a_key_unless_they_are_open_to_all(self, name: str) -> None:
        assert (name in OPEN) == (not OPERATIONS[name][2].get("security"))

    @all_operations
    def test_say_what_they_answer_when_it_goes_well(self, name: str) -> None:
        _, _, operation = OPERATIONS[name]
        good = {status: response for status, response in operation["responses"].items() if status < "400"}

        assert good
        for status, response in good.items():
            assert followed(response).get("content") or status in {"204", "304"}, status

    @all_operations
    def test_say_how_they_refuse_always_in_one_shape(self, name: str) -> None:
        path, method, operation = OPERATIONS[name]
        refusals = {int(status): followed(r) for status, r in operation["responses"].items() if status >= "400"}
        expected = {503}
        if path.startswith("/v1/") and name not in OPEN:
            expected |= {401, 403, 404, 422}
        if method != "get":
            expected |= {409}
        if bodies(operation):
            expected |= {400, 413, 415}

        assert expected <= set(refusals)
        for status, refusal in refusals.items():
            media = refusal["content"]["application/problem+json"]
            assert media["schema"] == {"$ref": "#/components/schemas/Problem"}, status

    @all_operations
    def test_show_an_example_of_each_body(self, name: str) -> None:
        for media in bodies(OPERATIONS[name][2]).values():
            assert media.keys() & {"example", "examples"}

    @all_operations
    def test_describe_every_parameter_that_is_not_plain(self, name: str) -> None:
        for parameter in OPERATIONS[name][2].get("parameters", ()):
            assert followed(parameter)["schema"], parameter

    @pytest.mark.parametrize("name", OF_STORES)
    def test_that_write_by_post_take_an_idempotency_key_or_are_idempotent_by_nature(self, name: str) -> None:
        path, method, operation = OF_STORES[name]
        headers = {p["name"]: p["required"] for p in operation.get("parameters", ()) if p["in"] == "header"}
        by_nature = path.endswith(BY_NATURE)
        if method == "post":
            assert by_nature or headers.get("Idempotency-Key") is True


class TestRefusals:
    def test_have_an_example_that_is_a_problem(self) -> None:
        for status, refusal in REFUSALS.items():
            response = SPEC["components"]["responses"][refusal.name]
            example = response["content"]["application/problem+json"]["example"]
            assert (example["status"], example["type"]) == (status, f"/problems/{refusal.code}")


class TestExampleOf:
    def test_is_made_of_the_examples_of_the_parts(self) -> None:
        part = {"type": "object", "properties": {"qty": {"type": "integer", "examples": [3]}}, "required": ["qty"]}
        whole = {
            "type": "object",
            "required": ["lines", "at"],
            "properties": {
                "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
                "at": {"type": "string", "format": "date-time"},
                "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            },
        }

        assert example_of(whole, {"Part": part}) == {"lines": [{"qty": 3}], "at": "2026-03-14T12:00:00Z"}
