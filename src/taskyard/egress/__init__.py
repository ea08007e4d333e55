"""Going out: where Taskyard may connect, the one sender of HTTP requests, and how they are signed."""
