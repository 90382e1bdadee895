#!/bin/sh
# Temporal's two databases, made or brought up to the version of this image. Repeating it changes nothing, so it runs
# before every start of the server; that is also the order of an upgrade.
set -eu
for database in temporal temporal_visibility; do
	schema=${database#temporal_} # temporal, visibility
	sql() {
		temporal-sql-tool --plugin postgres12 --endpoint postgres --port 5432 --user temporal --database "$database" "$@"
	}
	sql create-database
	sql setup-schema --version 0.0 # keeps what there is
	sql update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
