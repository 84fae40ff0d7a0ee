"""The backtest: real sales replayed through a store with limited shelves and hands, to compare replenishment rules.

No database and no HTTP: `pullsvc backtest` runs it on a retailer's own log, and what it proves of our rule holds for
the live service, as both call the same pure functions of `demand`.
"""
