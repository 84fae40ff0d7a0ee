"""Tub-fill tasks: compose, claim, pick, short, stage, deliver, put away, close; every unit accounted for."""
