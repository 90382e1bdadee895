package wording

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"holdfast/internal/notify/sender"
	"holdfast/internal/webhook"
)

var update = flag.Bool("update", false, "rewrite the expected notes in testdata")

// stories reads the events of all providers' stories: of Meta first.
func stories(t *testing.T) []webhook.Event {
	t.Helper()
	files, err := filepath.Glob("../../provider/*/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	slices.SortStableFunc(files, func(a, b string) int {
		return strings.Count(b, "/meta/") - strings.Count(a, "/meta/")
	})
	var all []webhook.Event
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		provider := path.Base(path.Dir(path.Dir(filepath.ToSlash(file))))
		for _, f := range txtar.Parse(text).Files {
			if f.Name != "events.json" {
				continue
			}
			var events []webhook.Event
			if err := json.Unmarshal(f.Data, &events); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for i, e := range events {
				e.Provider, e.Source, e.ID = provider, provider+"-main", fmt.Sprintf("evt_%s_%d", strings.TrimSuffix(filepath.Base(file), ".txtar"), i)
				all = append(all, e)
			}
		}
	}
	return all
}

func message(e webhook.Event) sender.Message {
	return sender.Message{
		Telling: webhook.Telling{Event: e, Workflow: "wh/x/y"},
		At:      e.Time.Add(time.Second),
		Account: sender.Account{Name: "Acme", Tenant: "emea"},
		Link:    "https://temporal.example.com/namespaces/default/workflows/wh%2Fx%2Fy",
	}
}

// TestNotes compares the notes of one event of each type with testdata/notes.txt, for people to read.
func TestNotes(t *testing.T) {
	all := stories(t)
	var got strings.Builder
	for _, entry := range webhook.Catalog() {
		e := webhook.Event{ID: "evt_0", Type: entry.Type, Source: "meta-main", Data: entry.New()}
		if told := example(t, all, entry.Type); told != nil {
			e = *told
		} else {
			fmt.Fprintln(&got, "(no story tells of this type)")
		}
		fmt.Fprintf(&got, "%s\n\n========================================\n\n", Of(message(e)).Plain())
	}
	golden := filepath.Join("testdata", "notes.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Error(diff)
	}
}

// example is the event that says most, of the first provider that tells of a type; nil if none does.
func example(t *testing.T, all []webhook.Event, kind webhook.Type) *webhook.Event {
	t.Helper()
	var best *webhook.Event
	most := 0
	for i, e := range all {
		if e.Type != kind || e.Test || best != nil && best.Provider != e.Provider {
			continue
		}
		data, err := json.Marshal(e.Data)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > most {
			best, most = &all[i], len(data)
		}
	}
	return best
}

// syntax is what no person should see.
var syntax = regexp.MustCompile(`%!|map\[|0x[0-9a-f]+|<nil>|\[\]|&\{|\{(account|number|template|of|id)\}|0001-01-01|\s{2,}\S`)

// TestEveryNote looks at the notes of all events of all stories, and of empty ones of each type.
func TestEveryNote(t *testing.T) {
	all := stories(t)
	for _, entry := range webhook.Catalog() {
		all = append(all, webhook.Event{ID: "evt_0", Type: entry.Type, Data: entry.New()}, webhook.Event{ID: "evt_0", Type: entry.Type})
		said, ok := words[entry.Type]
		if !ok || said.title == "" {
			t.Errorf("nothing is said of %s", entry.Type)
		}
		if entry.Severity == webhook.Critical && len(said.do) == 0 {
			t.Errorf("nothing to do about %s", entry.Type)
		}
	}
	for _, e := range all {
		for _, m := range []sender.Message{message(e), {Telling: webhook.Telling{Event: e}}} {
			n := Of(m)
			for name, text := range map[string]string{"title": n.Title, "what": n.What, "whom": n.Whom, "since": n.Since, "severity": string(n.Severity)} {
				if strings.TrimSpace(text) == "" || syntax.MatchString(text) {
					t.Errorf("%s: %s is %q", e.ID, name, text)
				}
			}
			if utf8.RuneCountInString(n.Title) > longestTitle || strings.HasSuffix(n.Title, ":") {
				t.Errorf("%s: title %q", e.ID, n.Title)
			}
			if len(n.Do) == 0 || len(n.Facts) > mostFacts {
				t.Errorf("%s: %d facts, %d deeds", e.ID, len(n.Facts), len(n.Do))
			}
			for _, f := range n.Facts {
				if f.Name == "" || f.Value == "" || syntax.MatchString(f.Name+" "+f.Value) {
					t.Errorf("%s: fact %q: %q", e.ID, f.Name, f.Value)
				}
			}
			for _, do := range n.Do {
				if do == "" || syntax.MatchString(do) {
					t.Errorf("%s: do %q", e.ID, do)
				}
			}
		}
	}
}

// private are members that say who a person is, or what somebody wrote.
var private = map[string][]string{
	"Contact":        {"UserID", "ParentUserID", "WaID"},
	"Message":        {"ID", "Original", "Name", "Username", "IdentityHash", "Text", "Payload", "Raw"},
	"MessageStatus":  {"Message", "Wamid", "IdentityHash", "Callback"},
	"MessageError":   {"Details"},
	"Preference":     {"Detail", "Message"},
	"Identity":       {"Detail"},
	"SyncedContact":  {"Name", "FirstName", "Username"},
	"Handover":       {"Metadata", "Raw"},
	"Call":           {"ID", "Callback", "SDP"},
	"Group":          {"Subject", "Description", "Invite", "JoinAsked", "Request", "Raw"},
	"History":        {"Raw"},
	"Conversion":     {"Message", "Click", "Token"},
	"Raw":            {"Value"},
	"Security":       {"Requester"},
	"Settings":       {"Raw"},
	"Context":        {"Message", "From"},
	"Referral":       {"Click"},
	"TemplateButton": {"Phone"},
}

// TestPrivate fills in what is private of every type, and looks for it.
func TestPrivate(t *testing.T) {
	const secret = "SECRET491512345678"
	for _, entry := range webhook.Catalog() {
		data := entry.New()
		fill(reflect.ValueOf(data).Elem(), secret)
		e := webhook.Event{ID: "evt_0", Type: entry.Type, Time: time.Unix(1761200607, 0), Data: data}
		if text := Of(message(e)).Plain(); strings.Contains(text, "SECRET") || strings.Contains(text, "4915") {
			t.Errorf("%s:\n%s", entry.Type, text)
		}
	}
}

// fill sets private members, and one element of each list.
func fill(v reflect.Value, secret string) {
	switch v.Kind() { //nolint:exhaustive // of the rest there is nothing to set
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Field(i)
			switch {
			case slices.Contains(private[v.Type().Name()], v.Type().Field(i).Name):
				if f.Kind() == reflect.String {
					f.SetString(secret)
				} else {
					f.SetBytes([]byte(secret))
				}
			case f.CanSet():
				fill(f, secret)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0), secret)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), secret)
	}
}

func TestScrub(t *testing.T) {
	for text, want := range map[string]string{
		"write to +49 (151) 2345-678 now":   "write to …5678 now",
		"user US.13491208655302741918 left": "user …1918 left",
		"code 131047 of 24 hours":           "code 131047 of 24 hours",
		"a\r\nBcc: x\x00y\u202e\u200bz":     "a Bcc: x yz",
		"":                                  "",
	} {
		if got := scrub(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := clean(strings.Repeat("ä", 500), 150); utf8.RuneCountInString(got) != 150 || !strings.HasSuffix(got, "…") {
		t.Errorf("got %q", got)
	}
}

// TestMarks looks at what is said of events that are not simply news.
func TestMarks(t *testing.T) {
	e := webhook.Event{
		ID: "evt_0", Type: webhook.AccountBanned, Time: time.Unix(1761200607, 0), Account: "102290129340398",
		Data: &webhook.Ban{State: "DISABLE", Date: "October 23, 2025"},
	}
	plain := Of(message(e))
	if want := "Account Acme (102290129340398) is banned"; plain.Title != want || len(plain.Marks) != 0 {
		t.Errorf("got %q %q, want %q", plain.Title, plain.Marks, want)
	}
	for name, change := range map[string]func(*sender.Message){
		"Test":  func(m *sender.Message) { m.Event.Test = true },
		"Late":  func(m *sender.Message) { m.Event.Late = true },
		"Late ": func(m *sender.Message) { m.OutOfOrder = true },
		"":      func(m *sender.Message) { m.At = m.Event.Time.Add(26*time.Hour + time.Minute) },
	} {
		m := message(e)
		change(&m)
		n := Of(m)
		if len(n.Marks) != 1 || name != "" && !strings.HasPrefix(n.Title, strings.TrimSpace(name)+": ") || name == "" && n.Title != plain.Title {
			t.Errorf("%s: title %q, marks %q", name, n.Title, n.Marks)
		}
	}
	shell := e
	shell.Account = "1; rm -rf /"
	for _, do := range Of(message(shell)).Do {
		if strings.Contains(do, "rm") {
			t.Errorf("do %q", do)
		}
	}
}
