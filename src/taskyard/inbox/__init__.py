"""Inbound webhooks: where they come in, how they are checked, what becomes of them."""
