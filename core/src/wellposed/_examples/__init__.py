"""Hypothesis strategies that build every core component, for the conformance kit."""
