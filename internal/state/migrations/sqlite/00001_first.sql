-- The same tables as in PostgreSQL. Times are microseconds since 1970, UTC.

-- +goose Up
CREATE TABLE installation (
    id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    secret BLOB    NOT NULL
);

-- The log is kept in volumes. The latest is written; one that is old enough is thrown away whole.
CREATE TABLE volumes (
    volume    INTEGER NOT NULL PRIMARY KEY,
    opened_at BIGINT  NOT NULL
);
INSERT INTO volumes VALUES (1, CAST(strftime('%s', 'now') AS INTEGER) * 1000000);

-- Which workflow recorded a webhook, also for those that were recorded in groups. Ids are packed, here and below.
CREATE TABLE webhooks (
    webhook  BLOB    NOT NULL CHECK (length(webhook) > 0),
    volume   INTEGER NOT NULL,
    workflow TEXT    NOT NULL CHECK (workflow <> ''),
    source   TEXT    NOT NULL,
    received BIGINT  NOT NULL,
    PRIMARY KEY (webhook, volume)
);
CREATE INDEX webhooks_volume ON webhooks (volume);

-- The event log. An event belongs to the workflow, and the webhook, that recorded it first; it is in one volume only.
CREATE TABLE events (
    id          BLOB    NOT NULL CHECK (length(id) > 0),
    volume      INTEGER NOT NULL,
    type        TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    account     TEXT    NOT NULL,
    time        BIGINT  NOT NULL,
    recorded_at BIGINT  NOT NULL,
    webhook     BLOB    NOT NULL,
    workflow    TEXT    NOT NULL CHECK (workflow <> ''),
    outcome     TEXT    NOT NULL,
    payload     BLOB    NOT NULL,
    PRIMARY KEY (id, volume)
);
CREATE INDEX events_account ON events (account, time);
CREATE INDEX events_volume ON events (volume);

-- What a workflow owes a destination: a JSON array of event ids, in order, empty once settled. What was handed over is told
-- by the destination's own workflow. Checked_at is when somebody last made sure that the workflow of the row still runs.
CREATE TABLE outbox (
    workflow    TEXT   NOT NULL CHECK (workflow <> ''),
    destination TEXT   NOT NULL CHECK (destination <> ''),
    events      TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    settled_at  BIGINT,
    how         TEXT   NOT NULL DEFAULT '',
    handed_at   BIGINT,
    checked_at  BIGINT,
    PRIMARY KEY (workflow, destination)
);
CREATE INDEX outbox_settled ON outbox (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX outbox_own ON outbox (destination, created_at) WHERE settled_at IS NULL AND handed_at IS NULL;
CREATE INDEX outbox_handed ON outbox (destination, created_at, workflow) WHERE settled_at IS NULL AND handed_at IS NOT NULL;

-- Destinations that nobody tells for now. Whoever hands something over to one locks its row, so that a release waits for him.
CREATE TABLE holds (
    destination TEXT   NOT NULL PRIMARY KEY CHECK (destination <> ''),
    since       BIGINT NOT NULL,
    cause       TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    actor       TEXT   NOT NULL,
    probes      BIGINT NOT NULL,
    next_at     BIGINT
);

-- What is known: the value of an aspect of an entity, as of a time, and the event that says so. Parent is the entity's
-- name up to its last slash: account, phone/{account}, contact/{phone}.
CREATE TABLE facts (
    entity TEXT   NOT NULL,
    aspect TEXT   NOT NULL,
    parent TEXT   NOT NULL,
    value  TEXT   NOT NULL,
    time   BIGINT NOT NULL,
    safety BIGINT NOT NULL,
    event  TEXT   NOT NULL,
    PRIMARY KEY (entity, aspect)
);
CREATE INDEX facts_parent ON facts (parent, entity, aspect);

-- +goose Down
DROP TABLE facts;
DROP TABLE holds;
DROP TABLE outbox;
DROP TABLE events;
DROP TABLE webhooks;
DROP TABLE volumes;
DROP TABLE installation;
