"""Taskyard: a self-hosted task queue and webhook hub that speaks plain HTTP."""
