"""Tomography."""
