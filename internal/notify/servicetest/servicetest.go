// Package servicetest stands in for services by which people are told, and has events to tell them of.
package servicetest

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/cloudevent"
	"holdfast/internal/notify/sender"
	"holdfast/internal/webhook"
)

var update = flag.Bool("update", false, "rewrite the expected requests in testdata")

// A Server remembers what it was sent, and answers as it is told to.
type Server struct {
	URL string

	mu       sync.Mutex
	requests []Request
	status   int
	header   http.Header
	text     string
}

// A Request is what a server was sent.
type Request struct {
	Method, Path string
	Header       http.Header
	Body         []byte
}

// Start starts a server. Its answer is 200 until it is told another.
func Start(t *testing.T) *Server {
	t.Helper()
	s := &Server{status: http.StatusOK}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requests = append(s.requests, Request{r.Method, r.URL.Path, r.Header, body})
		maps.Copy(w.Header(), s.header)
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.text)
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Answer says what the server answers from now on.
func (s *Server) Answer(status int, header http.Header, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.header, s.text = status, header, text
}

// Take returns what the server was sent since it was last asked.
func (s *Server) Take() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.requests
	s.requests = nil
	return taken
}

// Open makes a sender, and fails the test if its settings are wrong.
func Open(t *testing.T, kind sender.Type, options any) sender.Sender {
	t.Helper()
	s, err := kind.Open(options, sender.Context{Destination: "people", Agent: "holdfast/1.2.3", Timeout: 5 * time.Second, Concurrency: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Golden compares JSON with testdata/name.
func Golden(t *testing.T, name string, body []byte) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, body, "", "  "); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	GoldenText(t, name, pretty.Bytes())
}

// GoldenText compares text with testdata/name. None may say who a person is or what somebody wrote.
func GoldenText(t *testing.T, name string, text []byte) {
	t.Helper()
	for _, private := range []string{"4915", "23456789", "1349120865530274", "please stop", "I am", "wamid"} {
		if bytes.Contains(text, []byte(private)) {
			t.Errorf("%s says %q", name, private)
		}
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(text)); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

// Message makes a message of an event with what is known of its account.
func Message(e webhook.Event) sender.Message {
	e.ID, e.Source, e.Provider = "evt_0f1e2d3c4b5a6978", "meta-main", "meta"
	if e.Time.IsZero() {
		e.Time = time.Date(2025, 10, 23, 8, 23, 27, 0, time.FixedZone("CEST", 7200))
	}
	if e.Account == "" {
		e.Account = "102290129340398"
	}
	return sender.Message{
		Telling:    webhook.Telling{Event: e, Workflow: "wh/meta-main/1"},
		CloudEvent: cloudevent.Of(e),
		At:         e.Time.Add(2 * time.Second),
		Account:    sender.Account{Name: "Acme", Tenant: "emea"},
		Link:       "https://temporal.example.com/namespaces/default/workflows/wh%2Fmeta-main%2F1",
	}
}

// Banned tells of a ban.
func Banned() sender.Message {
	return Message(webhook.Event{Type: webhook.AccountBanned, Data: &webhook.Ban{State: "DISABLE", Date: "October 23, 2025"}})
}

// Hostile tells of a template whose name and reason are made to be taken for markup, late.
func Hostile() sender.Message {
	m := Message(webhook.Event{Type: webhook.TemplateRejected, Late: true, Data: &webhook.TemplateStatus{
		Template: webhook.Template{ID: "5550001", Name: "<!channel> *x* [y](https://evil.example) <b>z</b>\r\nBcc: all@example.com", Language: "en_US"},
		Status:   "REJECTED", Category: "MARKETING", Reason: "INVALID_FORMAT", Description: "`a` & <script>alert(1)</script> call +49 151 23456789",
	}})
	m.Account.Name, m.Event.Source = "<@U123> & Sons", "<!here>"
	return m
}

// Stopped tells of what a person does not want.
func Stopped() sender.Message {
	return Message(webhook.Event{
		Type: webhook.ContactMarketingStopped, Phone: webhook.Phone{ID: "400100", Number: "15550100001"},
		Data: &webhook.Preference{
			Contact: webhook.Contact{WaID: "4915123456789", UserID: "DE.13491208655302741918"}, Category: "marketing_messages", Basis: "keyword",
			Detail: "please stop, I am Ada", Message: "wamid.HBgNNDkxNTEyMzQ1Njc4OQ==",
		},
	})
}

// Test is what a provider's dashboard makes, or whoever tries a destination.
func Test() sender.Message {
	m := Banned()
	m.Event.Test = true
	return m
}
