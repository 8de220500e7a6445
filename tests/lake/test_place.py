from pathlib import Path

import polars as pl

from loopline.lake.place import Lake
from loopline.lake.tables import Tables


def test_projects_that_share_a_lake_keep_their_tables_and_logs_apart(tmp_path):
    one, other = (Lake(str(tmp_path), project=name) for name in ("one", "other"))
    Tables(one).append("rows", pl.DataFrame({"x": [1]}))
    Tables(other).append("rows", pl.DataFrame({"x": [2, 3]}))
    assert Tables(one).read("rows").collect()["x"].to_list() == [1]
    assert Tables(other).names() == ["rows"]
    assert one.log != other.log
    assert one.blobs == other.blobs


def test_an_object_store_has_its_log_on_this_machine():
    assert Lake("s3://bucket/lake", spool=Path("/spool"), project="p").log == Path("/spool/p")
    assert Lake("s3://bucket/lake", project="p").table("t") == "s3://bucket/lake/tables/p/t"
