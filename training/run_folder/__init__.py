"""The files that a run leaves in its folder, and the rules of resuming it."""
