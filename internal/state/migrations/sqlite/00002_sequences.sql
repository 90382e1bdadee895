-- The same changes as in PostgreSQL.

-- +goose Up
-- What a workflow owes a destination, a row for each transaction that recorded some of it. Seq is its place among all that
-- the destination is owed, and a time: microseconds. Attempts are lines of JSON: see attempts.go. Origin is the workflow whose
-- debt it was if that is another, and empty if it comes from the log once more.
CREATE TABLE outbox_new (
    workflow    TEXT   NOT NULL CHECK (workflow <> ''),
    destination TEXT   NOT NULL CHECK (destination <> ''),
    seq         BIGINT NOT NULL,
    events      TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    settled_at  BIGINT,
    how         TEXT   NOT NULL DEFAULT '',
    handed_at   BIGINT,
    checked_at  BIGINT,
    attempts    TEXT   NOT NULL DEFAULT '',
    origin      TEXT,
    PRIMARY KEY (workflow, destination, seq)
);
INSERT INTO outbox_new (workflow, destination, seq, events, created_at, settled_at, how, handed_at, checked_at)
    SELECT workflow, destination, created_at, events, created_at, settled_at, how, handed_at, checked_at FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_new RENAME TO outbox;
CREATE INDEX outbox_settled ON outbox (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX outbox_own ON outbox (destination, created_at) WHERE settled_at IS NULL AND handed_at IS NULL;
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
