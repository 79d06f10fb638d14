"""Runs the Spark connector: python -m services.spark_connector."""

from services.common import process
from services.spark_connector.service import build
from services.spark_connector.settings import SparkSettings

if __name__ == "__main__":
    process.run("spark_connector", SparkSettings.from_env(), build)
