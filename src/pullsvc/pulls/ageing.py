"""Nobody waits for ever: an ask of a person that is overdue rises until it passes every pull of the watch."""

from datetime import timedelta

from pullsvc.db import Tx, sql
from pullsvc.outbox.actions import Stamp
from pullsvc.pulls.rules import REPEAT_BONUS, URGENCY, Reason

AGE_EVERY = timedelta(minutes=10)
CEILING = URGENCY[Reason.CUSTOMER_WAITING] - 1  # Above the watch, below a waiting customer.
MAX_AGED = 500

# What a claim or another act has just locked is being dealt with; the next time is soon.
AGE = sql("""
    WITH overdue AS (
        SELECT pull_id FROM pulls
        WHERE store_id = :store_id AND state = 'open' AND reason <> 'watch' AND due_at < :now AND urgency < :ceiling
        ORDER BY pull_id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE pulls p SET urgency = least(CAST(:ceiling AS integer), p.urgency + CAST(:bonus AS integer))
    FROM overdue o WHERE p.store_id = :store_id AND p.pull_id = o.pull_id
""")


async def age(tx: Tx, stamp: Stamp) -> int:
    """Raise open pulls of people that are past their due time, as one more person who asks would; return how many.

    To be called every AGE_EVERY: the least urgent ask then passes all pulls of the watch two hours after it was due.
    """
    return await tx.run(
        AGE, store_id=stamp.store_id, now=stamp.now, ceiling=CEILING, bonus=REPEAT_BONUS, limit=MAX_AGED
    )
