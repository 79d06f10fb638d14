"""The two Spark questions over generated files of any size."""
