"""One HTML page in which the capsule network reads what somebody draws."""
