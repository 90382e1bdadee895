-- One set of tables for SQLite and PostgreSQL. Times are microseconds since 1970, UTC. SQLite knows no BYTEA, but gives
-- such a column an affinity that leaves blobs as they are.

-- +goose Up
CREATE TABLE installation (
    id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    secret BYTEA   NOT NULL
);

-- Which workflow recorded a webhook, also for those that were recorded in groups.
CREATE TABLE webhooks (
    webhook  TEXT   NOT NULL PRIMARY KEY CHECK (webhook <> ''),
    workflow TEXT   NOT NULL CHECK (workflow <> ''),
    source   TEXT   NOT NULL,
    received BIGINT NOT NULL
);

-- The event log. An event belongs to the workflow, and the webhook, that recorded it first.
CREATE TABLE events (
    id          TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    type        TEXT   NOT NULL,
    source      TEXT   NOT NULL,
    account     TEXT   NOT NULL,
    time        BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    webhook     TEXT   NOT NULL,
    workflow    TEXT   NOT NULL CHECK (workflow <> ''),
    outcome     TEXT   NOT NULL,
    payload     BYTEA  NOT NULL
);
CREATE INDEX events_account ON events (account, time);
CREATE INDEX events_recorded_at ON events (recorded_at);

-- What a workflow owes a destination: a JSON array of event ids, in order, empty once settled.
CREATE TABLE outbox (
    workflow    TEXT   NOT NULL CHECK (workflow <> ''),
    destination TEXT   NOT NULL CHECK (destination <> ''),
    events      TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    settled_at  BIGINT,
    how         TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (workflow, destination)
);
CREATE INDEX outbox_unsettled ON outbox (destination, created_at) WHERE settled_at IS NULL;

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
DROP TABLE outbox;
DROP TABLE events;
DROP TABLE webhooks;
DROP TABLE installation;
