package state

// What a destination is owed has an order: the sequence of its rows, which is a time in microseconds. Where nobody asked for an
// order it is just that. For a destination that is told in order there is a counter, which whoever records holds until he has
// committed; so whoever comes after him has a higher number, and nothing ever appears below a number that somebody saw. That
// makes those who record for it wait for each other, so it is the last thing that they do.

// ownSequence is the sequence of a row where no order was asked for. The same workflow's later rows come later, also if the
// clock was set back.
const ownSequence = `COALESCE((SELECT max(seq) + 1 FROM outbox earlier WHERE earlier.workflow = fresh.workflow
	AND earlier.destination = fresh.destination AND earlier.seq >= fresh.created_at), fresh.created_at)`

// nextSequence is what takeSequences took.
const nextSequence = "(SELECT last FROM sequences WHERE sequences.destination = fresh.destination)"

// takeSequences queues what takes the next place of each of some destinations, which must be sorted. It must be read by a
// statement that begins after it.
func takeSequences(c conn, destinations []string, now int64) {
	rows := make([][]any, len(destinations))
	for i, destination := range destinations {
		rows[i] = []any{destination, now}
	}
	c.queueRows("INSERT INTO sequences (destination, last)", rows, `ON CONFLICT (destination) DO UPDATE
		SET last = CASE WHEN sequences.last < excluded.last THEN excluded.last ELSE sequences.last + 1 END`, nil)
}
