"""What every service has: settings, errors, deadlines, health, metrics, logs. Nothing here knows a book from a film."""
