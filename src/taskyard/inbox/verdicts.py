"""What has become of a request."""

ROUTED = "routed"  # it made a task, or met the one that holds its unique key
UNROUTED = "unrouted"  # no route matched
UNROUTABLE = "unroutable"  # a route matched, but its task cannot be made
ANSWERED = "answered"  # the provider only wanted to know that somebody is here
REJECTED = "rejected"  # it could not be verified

ALL = (ROUTED, UNROUTED, UNROUTABLE, ANSWERED, REJECTED)
