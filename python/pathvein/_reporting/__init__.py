"""What a report is made of: its rows, and the forms in which they leave it."""
