-- The same changes as in SQLite.

-- +goose Up
-- What a workflow owes a destination, a row for each transaction that recorded some of it. Seq is its place among all that
-- the destination is owed, and a time: microseconds. Attempts are lines of JSON: see attempts.go. Origin is the workflow whose
-- debt it was if that is another, and empty if it comes from the log once more.
ALTER TABLE outbox ADD COLUMN seq BIGINT, ADD COLUMN attempts TEXT NOT NULL DEFAULT '', ADD COLUMN origin TEXT;
UPDATE outbox SET seq = created_at;
ALTER TABLE outbox ALTER COLUMN seq SET NOT NULL, DROP CONSTRAINT outbox_pkey, ADD PRIMARY KEY (workflow, destination, seq);
DROP INDEX outbox_handed;
CREATE INDEX outbox_handed ON outbox (destination, seq, created_at) WHERE settled_at IS NULL AND handed_at IS NOT NULL;
CREATE INDEX outbox_origin ON outbox (origin) WHERE origin IS NOT NULL;

-- The last place that was given away, for destinations that are told in order. Who takes the next one locks the row.
CREATE TABLE sequences (
    destination TEXT   NOT NULL PRIMARY KEY CHECK (destination <> ''),
    last        BIGINT NOT NULL
);

-- Who was to be told of an event: names of destinations, sorted, with commas between them; unknown for older events. In the order
-- of recorded_at, parts of the log can be told once more.
ALTER TABLE events ADD COLUMN routes TEXT;
CREATE INDEX events_recorded ON events (recorded_at);

-- Nothing of a volume that closes for good becomes owed any more.
ALTER TABLE volumes ADD COLUMN closing INTEGER NOT NULL DEFAULT 0;

-- What a person should do about a hold.
ALTER TABLE holds ADD COLUMN advice TEXT NOT NULL DEFAULT '';
