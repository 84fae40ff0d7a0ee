"""Labels to print: tubs, locations, badges, and the commands of a scanner without a screen; as PDF and as ZPL."""
