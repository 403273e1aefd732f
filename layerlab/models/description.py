"""An encoder's parts as a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One part of an encoder.

    Attributes:
        name: ``embeddings``, ``layer 0``, ..., ``shared`` or ``top``.
        path: Where it is below the base model.
        n_parameters: Numbers it holds.
    """

    name: str
    path: str
    n_parameters: int


@dataclass(frozen=True, repr=False)
class Description:
    """An encoder's parts; prints as an aligned table.

    Attributes:
        architecture: Class of the base model.
        n_layers: Depth.
        parts: Parts that hold parameters, from the embeddings up.

    >>> Description("TinyModel", 1, (Part("embeddings", "embeddings", 30), Part("layer 0", "layers.0", 10)))
    TinyModel: 1 layer, 40 parameters
    part        path        parameters  share
    embeddings  embeddings          30  75.0%
    layer 0     layers.0            10  25.0%
    """

    architecture: str
    n_layers: int
    parts: tuple[Part, ...]

    @property
    def n_parameters(self) -> int:
        """Numbers that all parts hold."""
        return sum(part.n_parameters for part in self.parts)

    def __str__(self) -> str:
        total = self.n_parameters
        rows = [("part", "path", "parameters", "share")]
        for part in self.parts:
            share = f"{part.n_parameters / total:.1%}"
            rows.append((part.name, part.path, f"{part.n_parameters:,}", share))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        depth = "1 layer" if self.n_layers == 1 else f"{self.n_layers} layers"
        lines = [f"{self.architecture}: {depth}, {total:,} parameters"]
        for name, path, number, share in rows:
            line = f"{name:<{widths[0]}}  {path:<{widths[1]}}  {number:>{widths[2]}}  {share:>{widths[3]}}"
            lines.append(line)
        return "\n".join(lines)

    __repr__ = __str__
