-- The order and the number of the uses. Parameters by name: ascending, limit.
order by case when %(ascending)s then occurred_at end, case when %(ascending)s then event_id end,
         occurred_at desc, event_id desc
limit %(limit)s
