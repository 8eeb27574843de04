"""``check``: one call that says whether a component keeps its promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wellposed.random import mix
from wellposed.spaces import AnySpace, ProductSpace, Space
from wellposed.testing.engine import describe, expect, merge, run
from wellposed.testing.example import Example
from wellposed.testing.kinds import kind_of
from wellposed.testing.report import Report, Result
from wellposed.testing.table import kind_checks

if TYPE_CHECKING:
    from wellposed.registry import Registry


def check(
    obj: Any,
    *,
    domain: AnySpace | None = None,
    kind: str | None = None,
    physics: Any = None,
    seed: int = 0,
    checks: Sequence[str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    registry: Registry | None = None,
    max_examples: int = 4,
) -> Report:
    """Check a component, ours or a stranger's, and return what was found.

    Parameters
    ----------
    obj
        The component, or the name of a registered one, which is then built from its examples.
    domain
        The space of its inputs, for objects that do not know it; small, odd and non-square shapes are
        best. Given, it is the only one used.
    kind
        ``"physics"``, ``"denoiser"``, …; told by the object's shape when left out.
    physics
        What a reconstructor or loss is tried on; the kit has a small one of its own.
    seed
        Everything random derives from it.
    checks
        Names of the checks to run (with those they rest on); all of them when left out.
    expected_failures
        ``{check: reason}`` of known failures. Strict: one that passes is a failure.
    registry
        Where a name is looked up; the process default when left out.
    max_examples
        How many examples of a registered component are drawn.

    Returns
    -------
    Report
        ``report.ok``, ``report.results``; prints readably; ``report.raise_for_failures()`` for tests.

    Raises
    ------
    ParameterError
        The kind cannot be told, or a check does not exist.
    RegistryError
        There is no component of this name.

    Examples
    --------
    >>> import torch, wellposed
    >>> class Double:
    ...     def A(self, x): return 2 * x
    ...     def A_adjoint(self, y): return y
    >>> report = check(Double(), domain=wellposed.Space((1, 6, 7), torch.float64))
    >>> report["adjoint"].message.partition(" (")[0]
    'A_adjoint is not the adjoint of A: scaled by 0.5'
    """
    if isinstance(obj, str):
        return _check_name(obj, seed, checks, expected_failures, registry, max_examples)
    kind = kind or kind_of(obj)
    example = Example({}, domain, physics, expected_failures or {})
    results, where = _check_object(obj, kind, example, seed, checks, registry)
    given = "" if domain is None else f", domain={_code(domain)}"
    line = f"wellposed.testing.check(obj{given}, kind={kind!r}, seed={seed}, checks=[{{!r}}])"
    results = [_with_reproduce(r, line.format(r.check)) for r in results]
    return Report(type(obj).__name__, kind, results, seed, where)


def _check_object(
    obj: Any, kind: str, example: Example, seed: int, wanted: Sequence[str] | None, registry: Registry | None
) -> tuple[list[Result], str]:
    table = kind_checks(kind, registry)
    case = table.case(obj, example.domain, example.physics, seed)
    results = expect(run(case, table.checks, wanted), example.expected_failures)
    where = example.domain or case.__dict__.get("domain")
    return results, "" if where is None else str(where)


def _check_name(
    name: str,
    seed: int,
    wanted: Sequence[str] | None,
    expected: Mapping[str, str] | None,
    registry: Registry | None,
    max_examples: int,
) -> Report:
    from wellposed import registry as registries

    source = registry or registries.default()
    record = source.component(name)
    runs = []
    where = ""
    known = expected if expected is not None else record.known_failures
    for i, example in enumerate(examples_of(name, seed, source, max_examples)):
        label = describe(example.arguments)
        obj = source.create(name, **example.arguments)
        own = dict(example.expected_failures)
        plain = Example({}, example.domain, example.physics, own)
        results, where = _check_object(obj, record.kind, plain, mix(seed, i) if i else seed, wanted, registry)
        runs.append((label, results))
    merged = expect(merge(runs), {k: v for k, v in known.items() if wanted is None or k in wanted})
    line = f"wellposed check {name} --seed {seed} --check "
    results = [_with_reproduce(r, line + r.check) for r in merged]
    return Report(name, record.kind, results, seed, where if len(runs) == 1 else f"{len(runs)} examples")


def examples_of(name: str, seed: int, registry: Registry, max_examples: int) -> list[Example]:
    """Return examples of a registered component: drawn from its strategy, or its defaults."""
    record = registry.component(name)
    if record.examples is None:
        return [Example()]
    from wellposed.testing.strategies import draw, resolve

    return draw(resolve(record.examples, name)(), seed, max_examples)


def _with_reproduce(result: Result, line: str) -> Result:
    reproduce = line if result.status == "failed" else ""
    return Result(result.check, result.status, result.message, reproduce, result.seconds)


def _code(space: AnySpace) -> str:
    if isinstance(space, ProductSpace):
        return f"wellposed.ProductSpace([{', '.join(map(_code, space.spaces))}])"
    assert isinstance(space, Space)
    return f"wellposed.Space({space.shape}, {space.dtype})"
