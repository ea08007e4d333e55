"""The hot path: no Flask, no HTTP; every function works on a connection and is told what time it is."""
