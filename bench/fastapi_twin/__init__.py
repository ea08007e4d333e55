"""Taskyard's hot endpoints written a second time, in FastAPI, to be measured against: once with `def`, once with
`async def`. Both work on the very tables that Taskyard's migrations make."""
