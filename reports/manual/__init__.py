"""The pages and pictures of docs/ that commands make."""
