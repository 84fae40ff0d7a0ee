"""What the service can do on this machine, beside what PostgreSQL alone can do with the very same statements.

A scenario starts a PostgreSQL of its own, fills a seeded world by bulk, serves it with `pullsvc serve` and drives that
over HTTP, with real keys, from processes of its own: closed loop, warm-up, then one or more measured spans (`load`).
Then the statements that the service sent are read from PostgreSQL's log (`capture`) and pgbench runs them, each in the
state of the database in which it was sent (`replay`). What is printed is the ratio of the two.
"""
