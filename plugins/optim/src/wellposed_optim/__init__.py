"""Optimisation for imaging: fidelities, priors, algorithms, denoisers without weights, and presets.

Names load on first use, so that discovery never pays for torch.
"""
