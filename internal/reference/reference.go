// Package reference writes what receivers of events read: docs/events.md and a JSON Schema for each type of event, from
// the catalog, the comments of what events carry, and the stories of providers. A test compares them with what is in the
// repository, and rewrites it with -update.
package reference

import (
	"fmt"
	"io/fs"
	"path"

	"holdfast/internal/webhook"
)

const (
	pageFile    = "docs/events.md"
	schemaFiles = "docs/schemas"
)

// Files are the contents of all files that are written, by their names in the repository.
func Files(repository fs.FS) (map[string][]byte, error) {
	written, err := readSource(repository)
	if err != nil {
		return nil, err
	}
	told, err := tellings(repository)
	if err != nil {
		return nil, fmt.Errorf("read stories: %w", err)
	}
	out := make(map[string][]byte)
	var missing []webhook.Type
	for _, entry := range webhook.Catalog() {
		if example(told, entry.Type) == nil {
			missing = append(missing, entry.Type)
		}
		s, err := written.data(entry)
		if err != nil {
			return nil, fmt.Errorf("schema of %s: %w", entry.Type, err)
		}
		if out[SchemaFile(entry.Type)], err = s.text(); err != nil {
			return nil, fmt.Errorf("schema of %s: %w", entry.Type, err)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("no story of a provider tells of %v", missing)
	}
	if out[pageFile], err = page(written, told); err != nil {
		return nil, fmt.Errorf("write %s: %w", pageFile, err)
	}
	return out, nil
}

// SchemaFile is the name of the file of a type's schema in the repository.
func SchemaFile(t webhook.Type) string { return path.Join(schemaFiles, string(t)+".json") }

// data is the schema of the data of events of a type.
func (s *source) data(entry webhook.Entry) (schema, error) {
	details, err := s.object(carried(entry))
	if err != nil {
		return schema{}, err
	}
	out, err := s.object("data")
	if err != nil {
		return schema{}, err
	}
	for i := range out.Properties {
		if out.Properties[i].name == "details" {
			out.Properties[i].schema = details
		}
	}
	out.Dialect = "https://json-schema.org/draft/2020-12/schema"
	out.ID = entry.Type.Schema()
	out.Title = string(entry.Type)
	out.Description = entry.Meaning
	return out, nil
}
