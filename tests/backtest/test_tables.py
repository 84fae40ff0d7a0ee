import gzip
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pullsvc.backtest.tables import BadInput, Table, table


def read(path: Path) -> Table:
    return table(path, needed=("sku", "price"), optional=("capacity",))


def written(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        b"sku,price\nTEA,2.50\n",
        b"\xef\xbb\xbfSKU, Price \r\nTEA,2.50\r\n\r\n",
        b"note;sku;price\n;TEA;2.50",
        b"price\tsku\n2.50\tTEA\n",
        gzip.compress(b"sku,price\nTEA,2.50\n", mtime=0),
    ],
)
def test_csv_is_read_as_programs_write_it(tmp_path: Path, content: bytes) -> None:
    found = read(written(tmp_path, content))

    assert (found.text("sku"), found.text("price"), found.rows) == (["TEA"], ["2.50"], 1)
    assert set(found.columns) == {"sku", "price"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"sku\nTEA\n", "missing columns price; it has sku"),
        (b"", "missing columns sku, price; it has none"),
        (b"sku,price,SKU\nTEA,1,TEA\n", "the column sku is there twice"),
        (b"sku,price\nTEA\n", "row 2 has 1 fields, the header 2"),
        (b"sku,price\n\nTEA,1\n", "row 2 is blank"),
        (b"sku,price\nTH\xc9,1\n", "is not in UTF-8"),
        (b"PK\x03\x04rest of a spreadsheet", "zip archive or a spreadsheet"),
        (b"PAR1 and no more", "cannot be read as parquet"),
        (gzip.compress(b"sku,price\nTEA,2.50\n", mtime=0)[:-9], "cannot be read as CSV"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(written(tmp_path, content))

    assert message in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        read(tmp_path / "none.csv")


def test_parquet_gives_words_and_times_of_any_kind(tmp_path: Path) -> None:
    """Numbers of items as floats, as a column with gaps has them, and times in nanoseconds."""
    when = pa.array([1_740_819_600_000_000_123, None], pa.timestamp("ns", tz="UTC"))
    skus = pa.array([4_006_381_333_931.0, float("nan")])
    pq.write_table(pa.table({"SKU": skus, "price": [2.5, 1.0], "capacity": when}), tmp_path / "file")
    found = read(tmp_path / "file")

    assert found.text("sku") == ["4006381333931", ""]
    assert list(found.columns["capacity"]) == [datetime(2025, 3, 1, 9, tzinfo=UTC), None]
