"""The benchmark: Taskyard's HTTP edge against the same contract written in FastAPI. See README.md."""
