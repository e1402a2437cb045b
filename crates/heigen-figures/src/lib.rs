//! Drawing: finished results to SVG, PDF and PNG.
