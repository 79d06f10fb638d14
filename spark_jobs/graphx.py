"""The vertices of the highest degree, by GraphX, which has no Python interface: called through the gateway to the JVM.

Works in Spark 3.5 and 4 on a classic session, not over Spark Connect. GraphX counts edges as they are listed, so each
pair must be listed once, as coworker_edges.py does.
"""

from typing import Any

from pyspark.sql import DataFrame, SparkSession


def degrees(spark: SparkSession, edges: str) -> DataFrame:
    """Reads lines of two numbers, space between; returns rows (_1: vertex, _2: degree)."""
    jvm: Any = spark.sparkContext._jvm
    apache = jvm.org.apache.spark
    level = apache.storage.StorageLevel.MEMORY_AND_DISK()
    context = spark.sparkContext._jsc.sc()
    graph = apache.graphx.GraphLoader.edgeListFile(context, edges, False, -1, level, level)
    encoders = apache.sql.Encoders
    pairs = encoders.tuple(encoders.scalaLong(), encoders.scalaInt())
    return DataFrame(spark._jsparkSession.createDataset(graph.ops().degrees(), pairs).toDF(), spark)


def highest_degrees(spark: SparkSession, edges: str, places: int) -> list[tuple[int, int]]:
    rows = degrees(spark, edges).selectExpr("_1 AS person", "_2 AS coworkers")
    best = rows.orderBy(rows.coworkers.desc(), rows.person).limit(places).collect()
    return [(row.person, row.coworkers) for row in best]
