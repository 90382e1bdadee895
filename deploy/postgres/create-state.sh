#!/bin/sh
# Runs once, when the database's volume is new: Holdfast's own role and database. Temporal's are made by temporal-schema.
set -eu
psql --set ON_ERROR_STOP=1 --set password="$STATE_PASSWORD" --username "$POSTGRES_USER" --dbname postgres <<'SQL'
CREATE ROLE holdfast LOGIN PASSWORD :'password';
CREATE DATABASE holdfast OWNER holdfast;
SQL
