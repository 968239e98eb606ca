"""The members of an ensemble, each trained in a process of its own."""
