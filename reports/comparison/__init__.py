"""Networks side by side: their runs, and the report of all."""
