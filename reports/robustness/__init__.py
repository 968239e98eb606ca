"""Error of networks against the strength of disturbances: pictures' changes, and attacks."""
