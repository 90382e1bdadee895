package signature_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

func fixed(t *testing.T, sets ...signature.HeaderSet) signature.FixedHeaders {
	t.Helper()
	f, err := signature.NewFixedHeaders(sets)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func set(name string, headers ...string) signature.HeaderSet {
	s := signature.HeaderSet{Name: name, Headers: map[string]signature.Secret{}}
	for i := 0; i < len(headers); i += 2 {
		s.Headers[headers[i]] = signature.Secret(headers[i+1])
	}
	return s
}

func TestFixedHeaders(t *testing.T) {
	old := set("old", "UserName", "ada", "authorization", "Basic x")
	renewed := set("new", "UserName", "ada", "authorization", "Basic y")
	wider := set("wider", "UserName", "ada", "authorization", "Basic x", "X-Key-Id", "2")
	f := fixed(t, renewed, old, wider)
	show := func(headers ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(headers); i += 2 {
			h.Add(headers[i], headers[i+1])
		}
		return h
	}
	tests := []struct {
		name    string
		headers http.Header
		shows   string // the set
		want    error
	}{
		{"new", show("Username", "ada", "Authorization", "Basic y"), "new", nil},
		{"old", show("USERNAME", "ada", "AUTHORIZATION", "Basic x", "X-Other", "z"), "old", nil},
		{"two sets", show("Username", "ada", "Authorization", "Basic x", "X-Key-Id", "2"), "old", nil},
		{"not as Go writes it", http.Header{"username": {"ada"}, "authorization": {"Basic y"}}, "new", nil},
		{"nothing", http.Header{}, "", webhook.MissingEvidence},
		{"one of two", show("Authorization", "Basic y"), "", webhook.MissingEvidence},
		{"one of two, and it is wrong", show("Authorization", "Basic z"), "", webhook.MissingEvidence},
		{"one is empty", show("Username", "ada", "Authorization", ""), "", webhook.MissingEvidence},
		{"without a value", http.Header{"Username": {"ada"}, "Authorization": nil}, "", webhook.MissingEvidence},
		{"another value", show("Username", "ada", "Authorization", "Basic z"), "", webhook.UnknownCredential},
		{"another user", show("Username", "Ada", "Authorization", "Basic y"), "", webhook.UnknownCredential},
		{"a part of the value", show("Username", "ada", "Authorization", "Basic"), "", webhook.UnknownCredential},
		{"twice", show("Username", "ada", "Authorization", "Basic y", "Authorization", "Basic y"), "", webhook.MalformedEvidence},
		{"twice, in other letters", http.Header{"Username": {"ada"}, "Authorization": {"Basic y"}, "authorization": {"z"}}, "", webhook.MalformedEvidence},
		{"twice, of a set that is not shown", show("Username", "ada", "Authorization", "Basic y", "X-Key-Id", "1", "X-Key-Id", "2"), "", webhook.MalformedEvidence},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ev, err := f.Evidence(test.headers)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if name, _, _ := strings.Cut(ev.Credential, "/"); name != test.shows || len(ev.Headers) > 0 {
				t.Errorf("evidence %+v, want of %q only", ev, test.shows)
			}
			if err == nil && f.Verify(ev) != nil {
				t.Error("its own evidence is refused")
			}
		})
	}
}

// What was kept holds no value, and no longer than its set with these values is accepted.
func TestFixedHeadersRotation(t *testing.T) {
	before := fixed(t, set("a", "Authorization", "hidden-value"))
	ev, err := before.Evidence(http.Header{"Authorization": {"hidden-value"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(ev.Credential) != len("a/00") || strings.Contains(fmt.Sprintf("%+v %+v", ev, before), "hidden") {
		t.Errorf("kept: %+v of %+v", ev, before)
	}
	tests := []struct {
		name  string
		after signature.FixedHeaders
		want  error
	}{
		{"both", fixed(t, set("b", "Authorization", "new"), set("a", "Authorization", "hidden-value")), nil},
		{"the name of the header in other letters", fixed(t, set("a", "authorization", "hidden-value")), nil},
		{"the new one only", fixed(t, set("b", "Authorization", "new")), webhook.UnknownCredential},
		{"another value under the same name", fixed(t, set("a", "Authorization", "new")), webhook.UnknownCredential},
		{"another header under the same name", fixed(t, set("a", "X-Authorization", "hidden-value")), webhook.UnknownCredential},
		{"the same under another name", fixed(t, set("b", "Authorization", "hidden-value")), webhook.UnknownCredential},
		{"nothing", signature.FixedHeaders{}, webhook.UnknownCredential},
	}
	for _, test := range tests {
		if err := test.after.Verify(ev); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if err := before.Verify(webhook.Evidence{}); !errors.Is(err, webhook.MissingEvidence) {
		t.Errorf("no evidence: %v", err)
	}
}

func TestFixedHeadersFirst(t *testing.T) {
	f := fixed(t, set("b", "UserName", "1"), set("a", "UserName", "2"))
	first := f.First()
	if diff := cmp.Diff(map[string]signature.Secret{"UserName": "1"}, first); diff != "" {
		t.Error(diff)
	}
	first["UserName"] = "changed"
	if f.First()["UserName"] != "1" {
		t.Error("who asks for it can change it")
	}
	if first := (signature.FixedHeaders{}).First(); first != nil {
		t.Errorf("of nothing: %v", first)
	}
}

func TestNewFixedHeadersRefuses(t *testing.T) {
	tests := []struct {
		name string
		sets []signature.HeaderSet
		want string
	}{
		{"nothing", nil, "is empty"},
		{"no name", []signature.HeaderSet{set("", "A", "hidden")}, "[0].name"},
		{"a name that is none", []signature.HeaderSet{set("a b", "A", "hidden")}, "[0].name"},
		{"a name twice", []signature.HeaderSet{set("a", "A", "hidden"), set("a", "A", "other")}, "[1].name"},
		{"no headers", []signature.HeaderSet{set("a")}, "[0].headers is empty"},
		{"no value", []signature.HeaderSet{set("b", "A", "hidden"), set("a", "X", "")}, "[1].headers.X is empty"},
		{"a header twice", []signature.HeaderSet{set("a", "x-a", "hidden", "X-A", "hidden")}, "[0].headers.x-a"},
		{"no header", []signature.HeaderSet{set("a", "X A", "hidden")}, "[0].headers"},
		{"a header of every request", []signature.HeaderSet{set("a", "Content-Type", "hidden")}, "[0].headers"},
		{"spaces that no request could have", []signature.HeaderSet{set("a", "A", "hidden ")}, "[0].headers.A"},
		{"a line end", []signature.HeaderSet{set("a", "A", "hidden\nB: c")}, "[0].headers.A"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := signature.NewFixedHeaders(test.sets)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "hidden") {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
