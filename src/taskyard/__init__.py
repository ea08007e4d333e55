"""Taskyard: a self-hosted task queue that speaks plain HTTP."""
