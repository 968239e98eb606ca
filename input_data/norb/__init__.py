"""smallNORB: reader of its records, and their generator."""
