"""Spark 3.5 or 4 as an engine, on this machine or a cluster. Needs only pyspark.

Text is read line by line and split with substring_index, which works on bytes. This takes three quarters of the time of
split() and half the time of the CSV reader.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from spark_jobs.engine import LineCounts, write_file
from spark_jobs.views import ALL_VIEWS, View, views_in

BYTES_PER_PARTITION = 128 << 20

SETTINGS = {
    # Tables are read a few times and dropped: compressing them costs more than it saves.
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
    # Broadcast tables up to 32 MB rather than shuffle 90 million rows; Spark's default is 10 MB. As a hash table they
    # take ten times as much, of a heap that may be one gigabyte.
    "spark.sql.autoBroadcastJoinThreshold": str(32 << 20),
    # The rule would skip the other input of a join with an empty table, but all lines must be counted.
    "spark.sql.adaptive.optimizer.excludedRules": "org.apache.spark.sql.execution.adaptive.AQEPropagateEmptyRelation",
}


class SparkEngine:
    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._paths: Mapping[str, str] = {}
        self._read: set[str] = set()
        self._counts: dict[str, Observation] = {}
        for key, value in SETTINGS.items():
            spark.conf.set(key, value)

    @classmethod
    @contextmanager
    def start(cls, name: str) -> Iterator[Self]:
        """Uses the session of spark-submit, or starts one on all local processors if plain Python started the job."""
        builder = SparkSession.builder.appName(name)
        if "PYSPARK_GATEWAY_PORT" not in os.environ:
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
            builder = builder.master("local[*]").config("spark.ui.enabled", "false")
            builder = builder.config("spark.ui.showConsoleProgress", "false")
        spark = builder.getOrCreate()
        spark.sparkContext.setLogLevel("WARN")
        try:
            yield cls(spark)
        finally:
            spark.stop()

    @property
    def version(self) -> str:
        return f"Spark {self._spark.version}"

    @property
    def progress(self) -> float:
        tracker = self._spark.sparkContext.statusTracker()
        stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        tasks = sum(stage.numTasks for stage in stages if stage)
        return sum(stage.numCompletedTasks for stage in stages if stage) / tasks if tasks else 0.0

    def exists(self, path: str) -> bool:
        hadoop_path, file_system = self._hadoop(path)
        return bool(file_system.exists(hadoop_path))

    def write(self, path: str, text: str) -> None:
        """At a URI, a reader may see an incomplete file until the job ends."""
        if "://" not in path:
            write_file(path, text)
            return
        hadoop_path, file_system = self._hadoop(path)
        file = file_system.create(hadoop_path, True)
        try:
            file.write(text.encode())
        finally:
            file.close()

    def create_views(self, paths: Mapping[str, str]) -> None:
        self._paths = paths
        if (self._spark.sparkContext.master or "").startswith("local"):  # a cluster has its own default
            size = sum(self._bytes(path) for path in paths.values())
            partitions = max(self._spark.sparkContext.defaultParallelism, size // BYTES_PER_PARTITION)
            self._spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
        for name, path in paths.items():
            self._counts[name] = Observation(name)
            rows = _rows(self._spark, ALL_VIEWS[name], path).observe(
                self._counts[name],
                F.count(F.lit(1)).alias("lines"),
                F.count_if(F.expr(f"NOT ({ALL_VIEWS[name].readable})")).alias("unreadable"),
            )
            rows.createOrReplaceTempView(name)

    def create_table(self, name: str, sql: str) -> int:
        self._read |= views_in(sql, self._paths)
        rows = self._spark.sql(sql).persist()
        count = rows.count()
        rows.createOrReplaceTempView(name)
        return count

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        self._read |= views_in(sql, self._paths)
        # An observation sees only plans whose names are resolved: those of select(), not those of sql().
        return [tuple(row) for row in self._spark.sql(sql).select("*").collect()]

    def line_counts(self) -> Mapping[str, LineCounts]:
        """Spark counts the lines while its statements read them."""
        return {
            name: LineCounts(path, self._counts[name].get["lines"], self._counts[name].get["unreadable"])
            for name, path in self._paths.items()
            if name in self._read
        }

    def write_csv(self, uri: str, sql: str, separator: str) -> None:
        self._read |= views_in(sql, self._paths)
        self._spark.sql(sql).write.csv(uri, mode="overwrite", sep=separator)

    def write_parquet(self, uri: str, sql: str) -> None:
        self._read |= views_in(sql, self._paths)
        self._spark.sql(sql).write.parquet(uri, mode="overwrite")

    def highest_degrees(self, edges: str, limit: int) -> list[tuple[int, int]]:
        """GraphX has no Python interface, so this calls it through the gateway to the JVM, which Spark Connect lacks.

        GraphX counts edges as they are listed, so each pair must be listed once.
        """
        jvm: Any = self._spark.sparkContext._jvm
        apache = jvm.org.apache.spark
        level = apache.storage.StorageLevel.MEMORY_AND_DISK()
        context = self._spark.sparkContext._jsc.sc()
        graph = apache.graphx.GraphLoader.edgeListFile(context, edges, False, -1, level, level)
        encoders = apache.sql.Encoders
        pairs = encoders.tuple(encoders.scalaLong(), encoders.scalaInt())
        degrees = self._spark._jsparkSession.createDataset(graph.ops().degrees(), pairs).toDF()
        rows = DataFrame(degrees, self._spark).selectExpr("_1 AS vertex", "_2 AS degree")
        highest = rows.orderBy(rows.degree.desc(), rows.vertex).limit(limit).collect()
        return [(row.vertex, row.degree) for row in highest]

    def _bytes(self, path: str) -> int:
        hadoop_path, file_system = self._hadoop(path)
        return int(file_system.getContentSummary(hadoop_path).getLength())

    def _hadoop(self, uri: str) -> tuple[Any, Any]:
        """Hadoop's path and its file system, as this machine or the cluster is configured."""
        context = self._spark.sparkContext
        assert context._jvm is not None
        path = context._jvm.org.apache.hadoop.fs.Path(uri)
        return path, path.getFileSystem(context._jsc.hadoopConfiguration())


def _rows(spark: SparkSession, view: View, path: str) -> DataFrame:
    if path.endswith(".parquet"):
        columns = [f"CAST({column} AS STRING) AS {column}" for column in view.needed]
        lines = spark.read.parquet(path).selectExpr(*columns)
    else:
        lines = _text(spark, view, path)
    return lines.selectExpr(*view.select_list)


def _text(spark: SparkSession, view: View, path: str) -> DataFrame:
    """The needed columns. The first is NULL if the line ends before the last of them is complete."""

    def up_to(column: int) -> str:
        return f"substring_index(value, '\t', {column})"

    def cell(column: str) -> str:
        return f"substring_index({up_to(view.columns.index(column) + 1)}, '\t', -1)"

    key, *others = view.needed
    last = len(view.leading)
    tabs = last if last < len(view.columns) else last - 1
    complete = f"octet_length({up_to(tabs)}) < octet_length(value)"
    return (
        spark.read.text(path)
        .where(f"value <> '' AND value NOT LIKE '{key}\t%'")
        .selectExpr(
            f"CASE WHEN {complete} THEN {cell(key)} END AS {key}", *[f"{cell(column)} AS {column}" for column in others]
        )
    )
