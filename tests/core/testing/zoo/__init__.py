"""Components of which everything is known: what is wrong with them, or that nothing is."""
