package reference

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"unicode"
	"unicode/utf8"

	"holdfast/internal/webhook"
)

// The words around what is generated.
//
//go:embed page.md
var words string

// A pageData is what the words are filled with.
type pageData struct {
	Envelope   []row
	Data       []row
	Severities []constant
	Outcomes   []constant
	Advices    []constant
	Codes      []webhook.ErrorCode
	Families   []family
	Sample     string // a CloudEvent
}

// A family is the types whose names begin alike.
type family struct {
	Name   string
	About  string
	Groups []group
}

// A group is the types of a family that carry the same struct.
type group struct {
	Title string
	Rest  string // what there is to know besides, often nothing
	Rows  []row
	Types []kind
}

// A kind is a type of event.
type kind struct {
	webhook.Entry
	File    string // of its schema, seen from the page
	Example string // a CloudEvent; empty if there is none
}

// A row describes a member, by its path within what is described.
type row struct {
	Name, Type, Doc string
	Always          bool
}

func page(written *source, told []telling) ([]byte, error) {
	envelope, err := written.object("Envelope")
	if err != nil {
		return nil, err
	}
	data := pageData{
		Severities: written.values["Severity"],
		Outcomes:   written.values["Outcome"],
		Advices:    written.values["Advice"],
		Codes:      webhook.ErrorCodes(),
	}
	for _, p := range envelope.Properties {
		if p.name == "data" {
			data.Data = rows(p.schema, "")
			p.Properties = nil
		}
		data.Envelope = append(data.Envelope, rows(schema{Properties: properties{p}, Required: envelope.Required}, "")...)
	}
	for _, entry := range webhook.Catalog() {
		if err := data.add(written, told, entry); err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Type, err)
		}
	}
	if one := example(told, webhook.AccountBanned); one != nil {
		if data.Sample, err = pretty(one.body); err != nil {
			return nil, err
		}
	}
	parsed, err := template.New("page").Funcs(template.FuncMap{
		"cell": cell, "link": link, "told": func(o string) bool { return webhook.Outcome(o).Told() }, "code": monospaced,
		"short": func(t webhook.Type) string { return strings.TrimPrefix(string(t), t.Family()+".") }, "origin": origin,
	}).Parse(words)
	if err != nil {
		return nil, fmt.Errorf("read words: %w", err)
	}
	var out bytes.Buffer
	for i := range data.Families {
		f := &data.Families[i]
		if err := parsed.ExecuteTemplate(&out, f.Name, nil); err != nil {
			return nil, fmt.Errorf("say what family %s is about: %w", f.Name, err)
		}
		f.About = out.String()
		out.Reset()
	}
	if err := parsed.ExecuteTemplate(&out, "page", data); err != nil {
		return nil, fmt.Errorf("fill words: %w", err)
	}
	return out.Bytes(), nil
}

// add puts a type where it belongs.
func (d *pageData) add(written *source, told []telling, entry webhook.Entry) error {
	k := kind{Entry: entry, File: strings.TrimPrefix(SchemaFile(entry.Type), "docs/")}
	if one := example(told, entry.Type); one != nil {
		var err error
		if k.Example, err = pretty(one.body); err != nil {
			return err
		}
	}
	name := entry.Type.Family()
	at := slices.IndexFunc(d.Families, func(f family) bool { return f.Name == name })
	if at < 0 {
		at = len(d.Families)
		d.Families = append(d.Families, family{Name: name})
	}
	f := &d.Families[at]
	details, err := written.object(carried(entry))
	if err != nil {
		return err
	}
	title, rest := heading(details)
	in := slices.IndexFunc(f.Groups, func(g group) bool { return g.Title == title })
	if in < 0 {
		in = len(f.Groups)
		f.Groups = append(f.Groups, group{Title: title, Rest: rest, Rows: rows(details, "")})
	}
	f.Groups[in].Types = append(f.Groups[in].Types, k)
	return nil
}

// carried is the name of the struct that events of a type carry.
func carried(entry webhook.Entry) string { return reflect.TypeOf(entry.New()).Elem().Name() }

// heading makes a heading of what the comment of a struct says first; the rest is what it says then.
func heading(details schema) (title, rest string) {
	if len(details.Properties) == 0 {
		return "Without details", "The type, the account and the phone say all there is."
	}
	sentence, rest, _ := strings.Cut(details.Description, ".")
	first, size := utf8.DecodeRuneInString(sentence)
	return string(unicode.ToUpper(first)) + sentence[size:], strings.TrimSpace(rest)
}

// rows lists the members of an object and of what is in it.
func rows(of schema, within string) []row {
	var out []row
	for _, p := range of.Properties {
		r := row{Name: within + p.name, Type: p.Type, Doc: p.Description, Always: slices.Contains(of.Required, p.name)}
		inner := p.schema
		switch {
		case p.Format == "date-time":
			r.Type = "time"
		case len(p.AnyOf) > 0:
			r.Type = "raw"
		case p.Items != nil && p.Items.Type == "object":
			inner = *p.Items
			r.Name += "[]"
		case p.Items != nil:
			r.Type = "array of " + p.Items.Type
		case p.AdditionalProperties != nil:
			r.Type = "object"
		case r.Type == "": // whatever the type of the event has
			r.Type = "object"
		}
		out = append(out, r)
		out = append(out, rows(inner, r.Name+".")...)
	}
	return out
}

// pretty spreads a CloudEvent over lines.
func pretty(body []byte) (string, error) {
	var out bytes.Buffer
	if err := json.Indent(&out, body, "", "  "); err != nil {
		return "", fmt.Errorf("read example: %w", err)
	}
	return out.String(), nil
}

// cell fits a text into a cell of a table.
func cell(text string) string { return strings.ReplaceAll(monospaced(text), "|", `\|`) }

// foreign are the words of providers: with underscores, or in capitals.
var foreign = regexp.MustCompile(`[\pL\d.…]*_[\pL\d_.…]*[\pL\d_…]|\w+\[\](\.\w+)*|\b([A-Z]{4,}(:[A-Z]+)?|RED)\b`)

// monospaced sets the words of providers apart.
func monospaced(text string) string {
	return foreign.ReplaceAllStringFunc(strings.ReplaceAll(text, "<", "&lt;"), func(word string) string {
		if word == "JSON" {
			return word
		}
		return "`" + word + "`"
	})
}

// fields are the names of webhook fields, in front of what is in them; one with an underscore is set apart already.
var fields = regexp.MustCompile(`(^|\. )([a-z]+):`)

// origin sets the words of providers apart in what an event comes from.
func origin(from string) string { return fields.ReplaceAllString(monospaced(from), "$1`$2`:") }

// link is where the heading of a type is found: GitHub makes its address of the letters.
func link(t webhook.Type) string { return "#" + strings.ReplaceAll(string(t), ".", "") }
