"""Webhooks that go out: endpoints, and one delivery of each event to each of them."""
