"""How an analysis shows itself."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heigen._analysis import Analysis

__all__ = ["as_html", "in_a_line"]


def in_a_line(analysis: Analysis) -> str:
    """An analysis in one line."""
    summary = analysis.summary
    head = f"Analysis of {analysis.name}: {analysis.operator_kind}, P = {analysis.n_params}, N = {analysis.n_samples}"
    if analysis.kind == "none":
        return f"<{head}; estimates only>"
    values = sorted(summary.get("eigenvalues_top", summary.get("eigenvalues", ())), key=abs, reverse=True)
    shown = ", ".join(f"{value:.5g}" for value in values[:4]) + (", ..." if len(values) > 4 else "")
    if analysis.kind == "part":
        return f"<{head}; eigenvalues {shown}; residuals up to {summary['residual_max']:.1e}>"
    bound = summary["certificate"]["residual_max"]
    return f"<{head}; rank {analysis.rank}; eigenvalues {shown}; certified: residuals up to {bound:.1e}>"


def as_html(analysis: Analysis) -> str:
    """An analysis as a table and, where all eigenvalues are known, their picture."""
    rows = [(name, _shown(value)) for name, value in _lines(analysis)]
    cells = "".join(f"<tr><th style='text-align:left'>{n}</th><td>{html.escape(v)}</td></tr>" for n, v in rows)
    said = "".join(f"<p><b>Warning:</b> {html.escape(w)}.</p>" for w in analysis.warnings)
    svg = analysis._repr_svg_()
    image = ""
    if svg is not None:
        code = base64.b64encode(svg.encode()).decode()
        image = f"<img alt='spectrum' style='max-width:100%' src='data:image/svg+xml;base64,{code}'>"
    title = f"<b>{html.escape(analysis.name)}</b>: {analysis.operator_kind}"
    return f"<div>{title}{said}<table>{cells}</table>{image}</div>"


def _lines(analysis: Analysis) -> list[tuple[str, Any]]:
    lines: list[tuple[str, Any]] = [
        ("parameters P", analysis.n_params),
        ("samples N", analysis.n_samples),
        ("loss", analysis.loss),
        ("accuracy", analysis.accuracy),
        ("|gradient|", analysis.grad_norm),
    ]
    if analysis.kind == "whole":
        certificate = analysis.certificate
        lines += [
            ("&lambda;<sub>1</sub>", analysis.lambda_max),
            ("&lambda;<sub>min</sub>", analysis.lambda_min),
            ("trace", analysis.trace),
            ("rank", analysis.rank),
            ("outliers", analysis.outliers.count),
            ("G<sub>&theta;</sub>", analysis.g_theta.value),
            ("residuals up to", certificate.residual_max),
            ("outside of the pairs at most", certificate.outside_bound),
        ]
    elif analysis.kind == "part":
        values = ", ".join(f"{value:.5g}" for value in analysis.summary["eigenvalues"][:10])
        lines += [("eigenvalues", values), ("residuals up to", analysis.summary["residual_max"])]
    return lines


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
