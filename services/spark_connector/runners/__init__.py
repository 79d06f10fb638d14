"""Where jobs run: as a process on this machine, on a Dataproc cluster, or as a serverless batch."""
