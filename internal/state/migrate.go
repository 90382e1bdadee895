package state

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

var errNewer = errors.New("the database was brought up to date by a newer version of Holdfast: run that version or a later one, or restore a backup made before")

// migrate brings the tables up to date, or refuses a database that is ahead of this program.
func migrate(ctx context.Context, dialect goose.Dialect, dir string, db *sql.DB) error {
	files, err := fs.Sub(migrations, dir)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db, files, goose.WithTableName("holdfast_schema"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	found, known, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", clean(err))
	}
	if found > known {
		return fmt.Errorf("schema version %d, this program knows %d: %w", found, known, errNewer)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("bring tables up to date: %w", clean(err))
	}
	return nil
}
