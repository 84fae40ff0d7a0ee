"""Stores, items, barcodes, locations and placements: what there is and where it belongs."""
