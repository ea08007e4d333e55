"""What happened: events, append-only, and who has asked to hear of them."""
