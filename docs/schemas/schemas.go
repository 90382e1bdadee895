// Package schemas has the JSON Schema of the data of each type of event. internal/reference writes the files.
package schemas

import (
	"embed"
	"fmt"

	"holdfast/internal/webhook"
)

//go:embed *.json
var files embed.FS

// Of is the schema of the data of events of a type of the catalog.
func Of(t webhook.Type) ([]byte, error) {
	text, err := files.ReadFile(string(t) + ".json")
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	return text, nil
}
