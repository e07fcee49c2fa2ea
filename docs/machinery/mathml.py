"""Mathematics as MathML, which browsers show by themselves: nothing is fetched, no script runs."""

from docutils.utils.math.latex2mathml import tex2mathml


def _inline(writer, node):
    from docutils.nodes import SkipNode

    writer.body.append(tex2mathml(node.astext()))
    raise SkipNode


def _block(writer, node):
    from docutils.nodes import SkipNode

    writer.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise SkipNode


def setup(app):
    """Make ``mathml`` a renderer that ``html_math_renderer`` may name."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
