"""Captured transactions, sent again by pgbench."""

from pathlib import Path

import asyncpg
import pytest

from pullsvc.bench.capture import Sent, common
from pullsvc.bench.cluster import Cluster, column, run
from pullsvc.bench.failures import BenchFailed
from pullsvc.bench.replay import FETCH, replay, script_of


class TestScriptOf:
    def test_numbers_the_values_of_a_transaction_and_writes_nulls_out(self) -> None:
        transaction = (Sent("BEGIN"), Sent("A $2, $1, $3", ("x", None, "z")), Sent("B $1::int", ("4",)), Sent("COMMIT"))

        assert script_of([transaction]) == (
            f"{FETCH}\\if :shape = 0\nBEGIN\n;\nA NULL, :p1, :p2\n;\nB :p3::int\n;\nCOMMIT\n;\n\\endif\n"
        )

    def test_has_a_branch_for_each_shape(self) -> None:
        script = script_of([(Sent("A"),), (Sent("B"),)])

        assert script.endswith("\\if :shape = 0\nA\n;\n\\elif :shape = 1\nB\n;\n\\endif\n")

    def test_refuses_a_text_in_which_pgbench_sees_a_variable_of_its_own(self) -> None:
        with pytest.raises(BenchFailed, match="variable"):
            script_of([(Sent("SELECT 'at:noon'"),)])


class TestReplay:
    async def test_runs_each_transaction_once_with_its_own_values(self, cluster: Cluster, tmp_path: Path) -> None:
        url = await cluster.create("replayed")
        await run(url, "CREATE TABLE seen (n integer, what text)")
        work = "(SELECT count(*) FROM generate_series(1, 20000)) AS work -- on and on"
        insert = f"INSERT INTO seen SELECT $1::int, $2 FROM {work}"
        sent = [
            (Sent("BEGIN"), Sent(insert, (str(n), None if n % 4 else f"it's {n}")), Sent("COMMIT")) for n in range(40)
        ]

        rate = await replay(cluster, "replayed", common(sent), clients=2, folder=tmp_path)

        assert rate.per_s > 0
        assert 0 < rate.fetch_share < 1
        assert sorted(await column(url, "SELECT n FROM seen")) == list(range(40))
        assert sorted(await column(url, "SELECT what FROM seen WHERE what IS NOT NULL"))[:2] == ["it's 0", "it's 12"]

    async def test_tells_what_pgbench_says_when_it_stops(self, cluster: Cluster, tmp_path: Path) -> None:
        await cluster.create("replayed")
        sent = [(Sent("SELECT 1 / $1::int", (str(n - 15),)),) for n in range(20)]

        with pytest.raises(BenchFailed, match="division by zero"):
            await replay(cluster, "replayed", common(sent), clients=1, folder=tmp_path)


class TestCluster:
    async def test_copies_a_database(self, cluster: Cluster) -> None:
        await run(await cluster.create("original"), "CREATE TABLE t AS SELECT 7 AS n")
        copy = await cluster.create("copied", template="original")
        await cluster.drop("original")

        assert await column(copy, "SELECT n FROM t") == [7]
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await column(cluster.url_of("original"), "SELECT 1")

    async def test_tells_the_settings_that_matter(self, cluster: Cluster) -> None:
        facts = await cluster.facts()

        assert facts["settings"]["track_commit_timestamp"] == "on"
        assert facts["version"].split(".")[0].isdigit()
