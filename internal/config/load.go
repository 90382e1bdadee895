package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"holdfast/internal/notify/sender"
	"holdfast/internal/provider"
)

// Known are those that a file may name: dialects as the provider of a source, senders as the type of a destination.
type Known struct {
	Dialects []provider.Dialect
	Senders  []sender.Type
}

// Load reads the file at path. Env finds environment variables, as os.LookupEnv does. The error has a line for everything that is wrong, each with its place.
func Load(path string, known Known, env func(string) (string, bool)) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, data, known, env)
}

// Parse reads a file that is already in memory. Its name is for errors, and its directory is where relative paths in
// it start.
func Parse(name string, data []byte, known Known, env func(string) (string, bool)) (*Config, error) {
	r := &reader{
		dir:      filepath.Dir(name),
		env:      env,
		dialects: known.Dialects,
		senders:  known.Senders,
		where:    make(map[string]position),
	}
	c := new(Config)
	if body, ok := r.document(data); ok {
		r.where[""] = placeOf(body)
		r.fill(r.entries(body, ""), "", reflect.ValueOf(c).Elem())
		c.setDefaults()
		r.check(c)
	}
	if len(r.problems) > 0 {
		return nil, &problems{name, r.problems}
	}
	return c, nil
}

// document finds the nodes of the file: nil for an empty one.
func (r *reader) document(data []byte) (ast.Node, bool) {
	if !utf8.Valid(data) {
		r.problemAt(position{}, "", "is not UTF-8 text")
		return nil, false
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF")) // some editors put it there
	// Duplicates are allowed here because we find them all ourselves.
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(err)
		return nil, false
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			r.problemAt(placeOf(doc.Body), "", "want one document, found another")
			return nil, false
		}
		body = doc.Body
	}
	return body, true
}

var quoted = regexp.MustCompile(`"(\\.|[^"\\])*"`)

// syntax notes an error of the YAML library without what it quotes of the file.
func (r *reader) syntax(err error) {
	var at yaml.Error
	if !errors.As(err, &at) {
		r.problemAt(position{}, "", "is not YAML")
		return
	}
	r.problemAt(place(at.GetToken()), "", "%s", quoted.ReplaceAllString(at.GetMessage(), `"…"`))
}
