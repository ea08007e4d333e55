"""The Python client and the worker."""
