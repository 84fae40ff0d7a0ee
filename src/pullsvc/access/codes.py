"""QR codes of what a device is to open. Pure."""

import segno


def qr_svg(text: str) -> str:
    """Return the QR code of a text as SVG to be set into a page, black on white, as large as its place."""
    svg: str = segno.make(text, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=True)
    return svg


def qr_terminal(text: str) -> str:
    """Return the QR code of a text in characters for a terminal, two rows a line."""
    import io  # noqa: PLC0415 - of no use to the service

    out = io.StringIO()
    segno.make(text, error="l").terminal(out, compact=True, border=2)
    return out.getvalue()
