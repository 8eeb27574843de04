"""Benchmarks of the MRI pack: encoding on and off the grid, and whole reconstructions."""
