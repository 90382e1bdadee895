package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"holdfast/internal/provider"
	"holdfast/internal/webhook"
)

// sampleSources is a source of each provider: the folder of its room, and its settings.
var sampleSources = map[string]struct{ folder, settings string }{
	"meta":      {"meta", `app_secrets: [secret]`},
	"nxtele":    {"nxtele", `access_keys: {key: secret}`},
	"innopaas":  {"innopaas", `credentials: [{name: a, user_name: ada, authorization: secret}]`},
	"360dialog": {"dialog360", `platform_secrets: [secret]`},
	"whizard":   {"whizard", `phone: "15550001111", credentials: [{name: a, headers: {Authorization: Bearer secret}}]`},
}

// Every sample of every provider, sent as the provider would send it, goes the whole way: what a destination is told is
// what the story of the sample says, each event once.
func TestSamples(t *testing.T) {
	r := newRig(t)
	told := &toldData{by: map[string][]cloudEventRead{}}
	listener := httptest.NewServer(told)
	t.Cleanup(listener.Close)
	yaml := r.yaml(nil)
	for _, d := range provider.List() {
		s, ok := sampleSources[d.Name]
		if !ok {
			t.Fatalf("no source for provider %s: add one to sampleSources", d.Name)
		}
		yaml += fmt.Sprintf("  %s: {provider: %q, %s}\n", sourceOf(d), d.Name, s.settings)
	}
	yaml += fmt.Sprintf("destinations:\n  all: {url: %q, secret: %q, private: true, events: [\"*\"]}\n", listener.URL, "whsec_"+newSigningKey())
	cfg, err := parseTest(yaml)
	if err != nil {
		t.Fatal(err)
	}
	h := r.start(cfg, both)

	n := 0
	for _, d := range provider.List() {
		files, err := fs.Glob(d.Samples, "samples/*.json")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			n++
			name := strings.TrimSuffix(filepath.Base(file), ".json")
			published, err := fs.ReadFile(d.Samples, file)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			body, err := freshen(published, placeholders{}, now)
			if err != nil {
				t.Fatal(err)
			}
			body = distinct(t, body, n)
			source := cfg.Sources[sourceOf(d)].Provider
			req, err := http.NewRequest(http.MethodPost, h.ingress+"/webhooks/"+sourceOf(d), bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header = source.(provider.Signer).Sign(body, now)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%s/%s: status %d", d.Name, name, resp.StatusCode)
				continue
			}
			want := source.Normalize(body, now)
			id := webhook.ID(sourceOf(d), body)
			t.Run(d.Name+"/"+name, func(t *testing.T) {
				if diff := cmp.Diff(storyTypes(t, sampleSources[d.Name].folder, name), typesOf(want)); diff != "" {
					t.Fatalf("made fresh, the sample says something else than its story:\n%s", diff)
				}
				eventually(t, "everything is told", func() bool { return len(told.of(id)) >= len(want) })
				compareTold(t, want, told.of(id))
			})
		}
	}
}

func sourceOf(d provider.Dialect) string { return "samples-" + d.Name }

// compareTold compares what was told with what the provider makes of a webhook. Nobody promises an order.
func compareTold(t *testing.T, want []webhook.Event, got []cloudEventRead) {
	t.Helper()
	says := func(event webhook.Type, account string, details []byte) string {
		return string(event) + " " + account + " " + string(details)
	}
	left := map[string]int{}
	for _, e := range want {
		details, err := json.Marshal(e.Data)
		if err != nil {
			t.Fatal(err)
		}
		left[says(e.Type, e.Account, details)]++
	}
	for _, e := range got {
		left[says(e.Type, e.Data.Account, e.Data.Details)]--
	}
	for what, n := range left {
		if n != 0 {
			t.Errorf("told %+d times: %s", -n, what)
		}
	}
}

// storyTypes is what the story of a sample says that it becomes.
func storyTypes(t *testing.T, folder, name string) []webhook.Type {
	t.Helper()
	story, err := txtar.ParseFile(filepath.Join("../../internal/provider", folder, "testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range story.Files {
		if f.Name == "events.json" {
			var events []webhook.Event
			if err := json.Unmarshal(f.Data, &events); err != nil {
				t.Fatal(err)
			}
			return typesOf(events)
		}
	}
	t.Fatal("the story has no events")
	return nil
}

func typesOf(events []webhook.Event) []webhook.Type {
	var types []webhook.Type
	for _, e := range events {
		types = append(types, e.Type)
	}
	return types
}

// distinct makes a sample be about accounts, numbers and people of its own: what another sample has made known would not
// be told again.
func distinct(t *testing.T, body []byte, n int) []byte {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	var walk func(key string, v any) any
	walk = func(key string, v any) any {
		switch v := v.(type) {
		case map[string]any:
			for k, member := range v {
				v[k] = walk(k, member)
			}
		case []any:
			for i, element := range v {
				v[i] = walk(key, element)
			}
		case string:
			if strings.Contains(strings.ToLower(key), "time") || !manyDigits.MatchString(v) {
				return v
			}
			return fmt.Sprintf("%s%03d", v[:len(v)-3], n)
		}
		return v
	}
	out, err := json.Marshal(walk("", v))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var manyDigits = regexp.MustCompile(`\d{9,}$`)

// toldData is a destination that keeps what it is told of each webhook.
type toldData struct {
	mu sync.Mutex
	by map[string][]cloudEventRead // by webhook
}

type cloudEventRead struct {
	Type webhook.Type `json:"type"`
	Data struct {
		Account string          `json:"account"`
		Webhook string          `json:"webhook"`
		Details json.RawMessage `json:"details"`
	} `json:"data"`
}

func (d *toldData) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var e cloudEventRead
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.by[e.Data.Webhook] = append(d.by[e.Data.Webhook], e)
	w.WriteHeader(http.StatusNoContent)
}

func (d *toldData) of(webhook string) []cloudEventRead {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.by[webhook]
}
