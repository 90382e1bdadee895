package reference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// A schema is a JSON Schema, 2020-12, as far as the data of events need one. It says what is there, and leaves open what
// else may be: new members come without notice.
type schema struct {
	Dialect              string     `json:"$schema,omitempty"`
	ID                   string     `json:"$id,omitempty"`
	Title                string     `json:"title,omitempty"`
	Description          string     `json:"description,omitempty"`
	Type                 string     `json:"type,omitempty"`
	Format               string     `json:"format,omitempty"`
	ContentEncoding      string     `json:"contentEncoding,omitempty"`
	AnyOf                []schema   `json:"anyOf,omitempty"`
	Items                *schema    `json:"items,omitempty"`
	Properties           properties `json:"properties,omitempty"`
	Required             []string   `json:"required,omitempty"`
	AdditionalProperties *schema    `json:"additionalProperties,omitempty"` // of maps

	nullable bool // nil in Go, null in JSON
}

// properties are members, in the order in which they are declared.
type properties []property

type property struct {
	name string
	schema
}

// MarshalJSON writes an object whose members keep their order.
func (p properties) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, one := range p {
		if i > 0 {
			out.WriteByte(',')
		}
		value, err := json.Marshal(one.schema)
		if err != nil {
			return nil, fmt.Errorf("write property %s: %w", one.name, err)
		}
		fmt.Fprintf(&out, "%q:%s", one.name, value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// raw is the schema of a [webhook.Body].
func raw() schema {
	return schema{AnyOf: []schema{
		{Type: "string"},
		{
			Description: "bytes that no string can hold",
			Type:        "object",
			Properties:  properties{{"base64", schema{Type: "string", ContentEncoding: "base64"}}},
			Required:    []string{"base64"},
		},
	}}
}

// text writes a schema for a file.
func (s schema) text() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(s); err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	return out.Bytes(), nil
}

// broken says what an older schema promised and a newer one does not; nothing if nothing. More may be there, and what may
// be there may always be there; nothing may go, or be of another type.
func broken(older, newer map[string]any, at string) []string {
	var out []string
	for _, keyword := range []string{"$id", "type", "format", "contentEncoding"} {
		if older[keyword] != newer[keyword] {
			out = append(out, fmt.Sprintf("%s: %s was %v, is %v", at, keyword, older[keyword], newer[keyword]))
		}
	}
	was, is := object(older["properties"]), object(newer["properties"])
	for name := range was {
		if is[name] == nil {
			out = append(out, fmt.Sprintf("%s.%s: is gone", at, name))
			continue
		}
		out = append(out, broken(object(was[name]), object(is[name]), at+"."+name)...)
	}
	required, _ := newer["required"].([]any)
	before, _ := older["required"].([]any)
	for _, name := range before {
		if !slices.Contains(required, name) && is[fmt.Sprint(name)] != nil {
			out = append(out, fmt.Sprintf("%s.%s: was always there", at, name))
		}
	}
	for _, keyword := range []string{"items", "additionalProperties"} {
		if older[keyword] != nil {
			out = append(out, broken(object(older[keyword]), object(newer[keyword]), at+"[]")...)
		}
	}
	return out
}

func object(of any) map[string]any {
	members, _ := of.(map[string]any)
	return members
}
