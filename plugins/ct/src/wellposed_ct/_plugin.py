"""What this pack offers: projectors and reconstructions of computed tomography."""

from __future__ import annotations

from collections.abc import Iterator

from wellposed.plugins import Component, hookimpl

_ROWS = (
    (
        "physics",
        "parallel",
        "projectors.parallel:ParallelBeam",
        "Parallel-beam projector (Joseph), exactly adjoint.",
        "Joseph (1982), doi:10.1109/TMI.1982.4307572",
    ),
    (
        "physics",
        "fan",
        "projectors.fan:FanBeam",
        "Fan beam on a flat detector (Joseph), exactly adjoint.",
        None,
    ),
    (
        "reconstructor",
        "fbp",
        "methods.fbp:FBP",
        "Filtered back-projection: exact for many views and little noise.",
        "Kak & Slaney (1988), Principles of Computerized Tomographic Imaging, ch. 3",
    ),
    (
        "reconstructor",
        "sirt",
        "methods.sirt:SIRT",
        "Simultaneous iterations, non-negative, stopped early.",
        "Gregor & Benson (2008), doi:10.1109/TMI.2008.923696",
    ),
    (
        "reconstructor",
        "cgls",
        "methods.cgls:CGLS",
        "Conjugate gradients on least squares, stopped early.",
        "Hestenes & Stiefel (1952), doi:10.6028/jres.049.044",
    ),
    (
        "reconstructor",
        "tv",
        "methods.tv:TV",
        "Total variation, for few views or few photons.",
        "Sidky & Pan (2008), doi:10.1088/0031-9155/53/17/021",
    ),
)

_SPACE = (
    (
        "physics",
        "cone",
        "projectors.cone:ConeBeam",
        "Cone beam on a flat panel, on a circle, a helix or anywhere (Joseph), exactly adjoint.",
        "Joseph (1982), doi:10.1109/TMI.1982.4307572",
    ),
    (
        "physics",
        "parallel3d",
        "projectors.cone:ParallelBeam3D",
        "Parallel rays of any direction through a volume (Joseph), exactly adjoint.",
        "Joseph (1982), doi:10.1109/TMI.1982.4307572",
    ),
)


@hookimpl
def components() -> Iterator[Component]:
    """Yield the pack's components."""
    for kind, name, target, summary, reference in _ROWS:
        yield Component(
            kind=kind,
            name=f"ct.{name}",
            target=f"wellposed_ct.{target}",
            summary=summary,
            examples=f"wellposed_ct._examples:{name}",
            reference=reference,
        )
    for kind, name, target, summary, reference in _SPACE:
        yield Component(
            kind=kind,
            name=f"ct.{name}",
            target=f"wellposed_ct.{target}",
            summary=summary,
            examples=f"wellposed_ct._examples.space:{name}",
            reference=reference,
        )
    yield Component(
        kind="reader",
        name="ct.sinogram_reader",
        target="wellposed_ct.files:SinogramReader",
        summary="Read NumPy and MATLAB sinograms, parallel or fan beam, with their geometry.",
        examples="wellposed_ct._examples:sinogram_reader",
        suffixes=(".npz", ".npy", ".mat"),
    )
