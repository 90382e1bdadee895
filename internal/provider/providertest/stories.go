package providertest

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"holdfast/internal/provider"
	"holdfast/internal/webhook"
)

// Stories compares what a provider makes of webhooks with testdata/*.txtar, one story each: a comment that says what
// happened in plain words, webhook.json as received, and events.json as understood, with natural keys. The webhook of a
// story without webhook.json is the sample of the same name; every sample has a story. Update rewrites events.json.
func Stories(t *testing.T, p provider.Provider, samples fs.FS, update bool) {
	bodies := samplesOf(t, samples)
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		told[name] = true
		t.Run(name, func(t *testing.T) { story(t, p, file, bodies[name], update) })
	}
	for name := range bodies {
		if !told[name] {
			t.Errorf("sample %s has no story", name)
		}
	}
}

func story(t *testing.T, p provider.Provider, file string, sample []byte, update bool) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case len(bytes.TrimSpace(archive.Comment)) == 0:
		t.Error("the story has no comment")
	case !update && bytes.HasPrefix(archive.Comment, []byte("TODO")):
		t.Error("the story does not say yet what happened")
	}
	body, hasBody := part(archive, "webhook.json")
	if !hasBody {
		body = sample
	}
	if body == nil {
		t.Fatal("no webhook.json, and no sample of this name")
	}
	events := p.Normalize(body, received)
	Check(t, body, events)
	got := tell(t, events)
	want, ok := part(archive, "events.json")
	if ok && bytes.Equal(got, want) {
		return
	}
	if !update {
		t.Errorf("events (-want +got), or rewrite them with -update:\n%s", cmp.Diff(string(want), string(got)))
		return
	}
	if ok {
		archive.Files[slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "events.json" })].Data = got
	} else {
		archive.Files = append(archive.Files, txtar.File{Name: "events.json", Data: got})
	}
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

func part(archive *txtar.Archive, name string) ([]byte, bool) {
	for _, f := range archive.Files {
		if f.Name == name {
			return f.Data, true
		}
	}
	return nil, false
}

// tell writes events with their keys, which no other JSON of them shows.
func tell(t *testing.T, events []webhook.Event) []byte {
	type told struct {
		Key string `json:"key"`
		webhook.Event
	}
	shown := make([]told, len(events))
	for i, e := range events {
		shown[i] = told{e.Key, e}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(shown); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// name is what may name an entity: the same in every encoding, one byte a character. Empty is no name.
var name = regexp.MustCompile(`^[A-Za-z0-9._:-]{0,64}$`)

// Check asks what is true of the events of every body: there is one at least, each is of the catalog with the data it
// names and survives JSON, its time can be that of an event, what names an entity is fit to, the provider has not done the
// activity's work, and what is unrecognized is complete, with a reason that holds nothing of the body.
func Check(t *testing.T, body []byte, events []webhook.Event) {
	t.Helper()
	if len(events) == 0 {
		t.Fatalf("%.200q disappears", body)
	}
	for _, e := range events {
		if _, ok := webhook.Lookup(e.Type); !ok {
			t.Errorf("%q is not in the catalog", e.Type)
		}
		if e.ID != "" || e.Source != "" || e.Provider != "" || e.Webhook != "" {
			t.Errorf("%s: id, source, provider or webhook is set", e.Type)
		}
		for _, id := range []string{e.Account, e.Phone.ID, e.Phone.Number} {
			if !name.MatchString(id) {
				t.Errorf("%s: %q may not name an entity", e.Type, id)
			}
		}
		if year := e.Time.Year(); !e.Time.IsZero() && (year < 1970 || year > 9998) {
			t.Errorf("%s: %v is no time of an event", e.Type, e.Time)
		}
		if raw, ok := e.Data.(*webhook.Raw); ok != (e.Type == webhook.Unrecognized) {
			t.Errorf("%s carries %T", e.Type, e.Data)
		} else if ok {
			checkRaw(t, body, raw)
		}
		checkJSON(t, e)
	}
}

func checkRaw(t *testing.T, body []byte, raw *webhook.Raw) {
	t.Helper()
	if !madeOf(body, json.RawMessage(raw.Value), 4) {
		t.Error("an unrecognized event is not what came")
	}
	if !json.Valid(body) && !bytes.Equal(body, raw.Value) {
		t.Error("a body that is not JSON is not passed on whole")
	}
	if raw.Reason == "" || len(raw.Reason) > 40 {
		t.Errorf("reason %q", raw.Reason)
	}
}

// madeOf reports whether a value came as it is, or is an object or a list of such values: an item may be passed on with
// what is around it, but without its neighbours.
func madeOf(body []byte, value json.RawMessage, depth int) bool {
	if bytes.Contains(body, value) {
		return true
	}
	if depth == 0 {
		return false
	}
	var object map[string]json.RawMessage
	var list []json.RawMessage
	if json.Unmarshal(value, &object) != nil && json.Unmarshal(value, &list) != nil {
		return false
	}
	for _, part := range slices.AppendSeq(list, maps.Values(object)) {
		if !madeOf(body, part, depth-1) {
			return false
		}
	}
	return true
}

func checkJSON(t *testing.T, e webhook.Event) {
	t.Helper()
	text, err := json.Marshal(e)
	if err != nil {
		t.Errorf("%s: %v", e.Type, err)
		return
	}
	var again webhook.Event
	if err := json.Unmarshal(text, &again); err != nil {
		t.Errorf("%s: %v", e.Type, err)
		return
	}
	e.Key = ""
	if diff := cmp.Diff(e, again); diff != "" {
		t.Errorf("%s does not survive JSON:\n%s", e.Type, diff)
	}
}

func samplesOf(t testing.TB, samples fs.FS) map[string][]byte {
	t.Helper()
	files, err := fs.Glob(samples, "samples/*.json")
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string][]byte{}
	for _, file := range files {
		body, err := fs.ReadFile(samples, file)
		if err != nil {
			t.Fatal(err)
		}
		bodies[strings.TrimSuffix(path.Base(file), ".json")] = body
	}
	if len(bodies) == 0 {
		t.Fatal("no samples")
	}
	return bodies
}

func anyOf(samples map[string][]byte) []byte {
	for _, name := range []string{"account-banned", "phone-added"} {
		if body, ok := samples[name]; ok {
			return body
		}
	}
	for _, body := range samples {
		return body
	}
	return nil
}
