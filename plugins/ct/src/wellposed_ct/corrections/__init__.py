"""From raw counts to a clean sinogram: each fault of a scan, and what undoes it.

Every correction is a function on tensors ``(…, views, bins)`` and, under the name of a registered component,
an object with one call: ``y, physics = correction(y, physics)``. Those that only change data hand the physics
through; finding the centre changes only the physics. So a list of names describes a preprocessing.
"""

from wellposed_ct.corrections.beam_hardening import BeamHardening, fit_beam_hardening
from wellposed_ct.corrections.centre import CENTRE_METHODS, Centre, find_centre
from wellposed_ct.corrections.chain import Chain, Correction
from wellposed_ct.corrections.counts import FlatDark, line_integrals, transmission
from wellposed_ct.corrections.metal import MetalInpainting, inpaint, metal_trace
from wellposed_ct.corrections.rings_regularised import RegularisedRings, remove_rings_regularised
from wellposed_ct.corrections.rings_sorting import SortingRings, remove_rings_sorting
from wellposed_ct.corrections.rings_wavelet import WaveletRings, remove_rings_wavelet
from wellposed_ct.corrections.scatter import Scatter, remove_scatter
from wellposed_ct.corrections.truncation import Truncation, extend
from wellposed_ct.corrections.zingers import Zingers, remove_zingers

__all__ = [
    "CENTRE_METHODS",
    "BeamHardening",
    "Centre",
    "Chain",
    "Correction",
    "FlatDark",
    "MetalInpainting",
    "RegularisedRings",
    "Scatter",
    "SortingRings",
    "Truncation",
    "WaveletRings",
    "Zingers",
    "extend",
    "find_centre",
    "fit_beam_hardening",
    "inpaint",
    "line_integrals",
    "metal_trace",
    "remove_rings_regularised",
    "remove_rings_sorting",
    "remove_rings_wavelet",
    "remove_scatter",
    "remove_zingers",
    "transmission",
]
