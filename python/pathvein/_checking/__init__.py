"""What checks tell: results made of the core's findings, as text, as JSON, and drawn."""
