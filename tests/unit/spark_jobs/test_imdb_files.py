"""IMDb's files have their columns in one place, spark_jobs/imdb_files.py; the imdb adapter's copy agrees with it."""

import pytest

from services.catalog.adapter import SourceFile
from services.imdb.adapter import ADAPTER
from spark_jobs.imdb_files import COLUMNS


@pytest.mark.parametrize(
    "source", [ADAPTER.source, *(joined.file for joined in ADAPTER.joined)], ids=lambda source: source.name
)
def test_the_imdb_adapter_reads_columns_that_its_file_has(source: SourceFile) -> None:
    columns = COLUMNS[source.name.removesuffix(".tsv")]
    missing = [column for column in source.columns if column not in columns]
    assert not missing, (
        f"services/imdb/adapter.py reads {missing} of {source.name}; spark_jobs/imdb_files.py: {columns}"
    )
