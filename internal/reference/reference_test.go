package reference

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"holdfast/internal/webhook"
)

const repository = "../.."

var update = flag.Bool("update", false, "rewrite docs/events.md and docs/schemas")

// linked is a name in Go, as comments link to it.
var linked = regexp.MustCompile(`\[\w*[A-Z]\w*\]`)

// TestCurrent compares what is in the repository with what is written now. With -update it writes it, unless a schema would
// break what the one in the repository promises.
func TestCurrent(t *testing.T) {
	files, err := Files(os.DirFS(repository))
	if err != nil {
		t.Fatal(err)
	}
	old, err := filepath.Glob(filepath.Join(repository, schemaFiles, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range old {
		if rel, err := filepath.Rel(repository, name); err != nil || files[filepath.ToSlash(rel)] == nil {
			t.Errorf("%s is of no type: types are never taken away", name)
		}
	}
	stale := map[string]string{} // what is there, by name
	for name, text := range files {
		if names := linked.FindAll(text, -1); strings.HasSuffix(name, ".json") && names != nil {
			t.Errorf("%s: what a receiver reads names Go: %q", name, names)
		}
		was, err := os.ReadFile(inRepository(name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if bytes.Equal(was, text) {
			continue
		}
		stale[name] = string(was)
		if was != nil && strings.HasSuffix(name, ".json") {
			for _, promise := range broken(decode(t, was), decode(t, text), "data") {
				t.Errorf("%s: %s: receivers rely on it; make a new type, or remove the file if nobody has seen it", name, promise)
			}
		}
	}
	if t.Failed() {
		return
	}
	names := slices.Sorted(maps.Keys(stale))
	if len(names) > 0 && !*update {
		t.Fatalf("not current, write them with make docs: %s\nof the first (-is +should be):\n%.2000s",
			strings.Join(names, " "), cmp.Diff(stale[names[0]], string(files[names[0]])))
	}
	for _, name := range names {
		if err := os.WriteFile(inRepository(name), files[name], 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func inRepository(name string) string { return filepath.Join(repository, filepath.FromSlash(name)) }

// What every provider's stories tell has the form that the schemas promise, and no member that they do not name.
func TestStoriesKeepTheirSchemas(t *testing.T) {
	files, err := Files(os.DirFS(repository))
	if err != nil {
		t.Fatal(err)
	}
	told, err := tellings(os.DirFS(repository))
	if err != nil {
		t.Fatal(err)
	}
	published, strict := map[webhook.Type]*jsonschema.Schema{}, map[webhook.Type]*jsonschema.Schema{}
	for _, entry := range webhook.Catalog() {
		s := decode(t, files[SchemaFile(entry.Type)])
		if s["$id"] != entry.Type.Schema() {
			t.Errorf("the schema of %s calls itself %v", entry.Type, s["$id"])
		}
		published[entry.Type] = compile(t, s)
		closeObjects(s)
		strict[entry.Type] = compile(t, s)
	}
	if len(told) < 50 {
		t.Errorf("only %d events are told of", len(told))
	}
	for _, one := range told {
		event := decode(t, one.body)
		if event["dataschema"] != one.event.Type.Schema() {
			t.Errorf("%s: dataschema %v", one.story, event["dataschema"])
		}
		if err := strict[one.event.Type].Validate(event["data"]); err != nil {
			t.Errorf("%s: %s: %v", one.story, one.event.Type, err)
		}
		grow(event["data"])
		if err := published[one.event.Type].Validate(event["data"]); err != nil {
			t.Errorf("%s: %s with members that nobody knows yet: %v", one.story, one.event.Type, err)
		}
	}
}

// The schemas refuse something.
func TestRefused(t *testing.T) {
	files, err := Files(os.DirFS(repository))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		of       webhook.Type
		data     string
		good     bool // as published
		strictly bool
	}{
		{webhook.AccountBanned, `{"details":{"state":"DISABLE"}}`, true, true},
		{webhook.AccountBanned, `{"details":{"state":"DISABLE","stat":"x"}}`, true, false},
		{webhook.AccountBanned, `{"details":{"state":"DISABLE"},"phone":{"nummber":"1"}}`, true, false},
		{webhook.AccountBanned, `{"details":{}}`, false, false},
		{webhook.AccountBanned, `{"account":"1"}`, false, false},
		{webhook.AccountBanned, `{"details":{"state":null}}`, false, false},
		{webhook.AccountDeleted, `{"details":{}}`, true, true},
		{webhook.AccountDeleted, `{"details":{"state":"DISABLE"}}`, true, false},
		{webhook.AccountDeleted, `{"details":null}`, false, false},
		{webhook.AccountRestricted, `{"details":{"restrictions":[{"type":"A","until":"2026-01-01T00:00:00Z"}]}}`, true, true},
		{webhook.AccountRestricted, `{"details":{"restrictions":[{"type":"A","until":"tomorrow"}]}}`, false, false},
		{webhook.AccountRestricted, `{"details":{"restrictions":[{}]}}`, false, false},
		{webhook.AccountAuthPricingUpdated, `{"details":{"exceptions":[{"country":"IN","start":"2026-01-01T00:00:00Z"}]}}`, true, true},
		{webhook.AccountAuthPricingUpdated, `{"details":{"exceptions":{"IN":"2026-01-01T00:00:00Z"}}}`, false, false},
		{webhook.TemplatePaused, `{"details":{"id":"1","name":"n","language":"en_US","status":"PAUSED"}}`, true, true},
		{webhook.Unrecognized, `{"details":{"reason":"r","value":"text"}}`, true, true},
		{webhook.Unrecognized, `{"details":{"reason":"r","value":{"base64":"PCY+/w=="}}}`, true, true},
		{webhook.Unrecognized, `{"details":{"reason":"r","value":{"base65":"PCY+/w=="}}}`, false, false},
		{webhook.Unrecognized, `{"details":{"reason":"r","value":7}}`, false, false},
	} {
		s, data := decode(t, files[SchemaFile(test.of)]), decode(t, []byte(test.data))
		if err := compile(t, s).Validate(data); (err == nil) != test.good {
			t.Errorf("%s %s: %v", test.of, test.data, err)
		}
		closeObjects(s)
		if err := compile(t, s).Validate(data); (err == nil) != test.strictly {
			t.Errorf("strictly, %s %s: %v", test.of, test.data, err)
		}
	}
}

// A promise is not broken unseen.
func TestBroken(t *testing.T) {
	const was = `{"type":"object","properties":{
		"a":{"type":"string"},
		"b":{"type":"array","items":{"type":"object","properties":{"c":{"type":"string","format":"date-time"}},"required":["c"]}},
		"d":{"type":"object","additionalProperties":{"type":"string"}}},
		"required":["a"]}`
	for _, test := range []struct {
		name, old, new string
		want           []string
	}{
		{"the same", "", "", nil},
		{"a new member", `"a":`, `"z":{"type":"string"},"a":`, nil},
		{"always there from now on", `"required":["a"]`, `"required":["a","b"]`, nil},
		{"of another name", `"type":"object","properties"`, `"$id":"urn:x","type":"object","properties"`, []string{"data: $id was <nil>, is urn:x"}},
		{"gone", `"a":{"type":"string"},`, ``, []string{"data.a: is gone"}},
		{"of another type", `"a":{"type":"string"}`, `"a":{"type":"integer"}`, []string{"data.a: type was string, is integer"}},
		{"not always there", `"required":["a"]`, `"required":[]`, []string{"data.a: was always there"}},
		{"in an array", `"c":{"type":"string","format":"date-time"}`, `"c":{"type":"string"}`, []string{"data.b[].c: format was date-time, is <nil>"}},
		{"in a map", `"additionalProperties":{"type":"string"}`, `"additionalProperties":{"type":"object"}`, []string{"data.d[]: type was string, is object"}},
	} {
		now := was
		if test.old != "" {
			now = strings.Replace(was, test.old, test.new, 1)
		}
		if diff := cmp.Diff(test.want, broken(decode(t, []byte(was)), decode(t, []byte(now)), "data")); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

func decode(t *testing.T, text []byte) map[string]any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return object(value)
}

// compile reads a schema as strangers do; the validator compares it with the dialect that it names.
func compile(t *testing.T, s map[string]any) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.AssertContent()
	id, _ := s["$id"].(string)
	text, err := json.Marshal(s) // a copy: what is compiled may still be changed
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.AddResource(id, any(decode(t, text))); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile(id)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// closeObjects makes a schema refuse members that it does not name.
func closeObjects(of any) {
	switch of := of.(type) {
	case map[string]any:
		if of["type"] == "object" && of["additionalProperties"] == nil {
			of["additionalProperties"] = false
		}
		for _, inner := range of {
			closeObjects(inner)
		}
	case []any:
		for _, inner := range of {
			closeObjects(inner)
		}
	}
}

// grow adds a member to every object that has some, as a later version may.
func grow(of any) {
	switch of := of.(type) {
	case map[string]any:
		for name, inner := range of {
			if name != "exceptions" { // a map
				grow(inner)
			}
		}
		of["invented_later"] = []any{"x"}
	case []any:
		for _, inner := range of {
			grow(inner)
		}
	}
}

// Comments are written for those who read Go; receivers read JSON.
func TestComments(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"Basis is what made us believe it", "what made us believe it"},
		{"Basis says that Message, or the text, was left out", "message_id, or the text, was left out"},
		{"id of the message, unless Basis is URL", "id of the message, unless basis is URL"},
		{"A Basis is one", "one"},
		{"Basisless is nothing", "Basisless is nothing"},
		{"Meta's word", "Meta's word"},
	} {
		if got := translate(predicate("Basis", test.text), map[string]string{"Basis": "basis", "Message": "message_id", "URL": "url"}); got != test.want {
			t.Errorf("%q became %q, want %q", test.text, got, test.want)
		}
	}
	for text, want := range map[string]string{
		"account_update: event DISABLED_UPDATE":            "`account_update`: event `DISABLED_UPDATE`",
		"flows: event X. messages: statuses[].status":      "`flows`: event X. `messages`: `statuses[].status`",
		"a violation_type that ends in _UNBAN, or a < b":   "a `violation_type` that ends in `_UNBAN`, or a &lt; b",
		"the whole element as it came, JSON; SMECL:FAILED": "the whole element as it came, JSON; `SMECL:FAILED`",
	} {
		if got := origin(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
