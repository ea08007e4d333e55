"""Tasks that come again: cron."""
