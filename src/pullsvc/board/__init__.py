"""The floor lead's view: one snapshot of the store that says what is about to go wrong and who is on it."""
