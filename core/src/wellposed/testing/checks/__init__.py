"""One module per kind of component; each ends in the table ``CHECKS`` of what it verifies."""
