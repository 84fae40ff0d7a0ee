"""What the tills sold: receipts taken in once, corrected by difference, and kept even when an item is not known yet."""
