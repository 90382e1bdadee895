package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/notify/signedhttp"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
	"holdfast/workflows"
)

const (
	sinkName   = "terminal" // of the destination that prints
	maxPrinted = 1000       // bytes of what an event says: a terminal is no place for more
)

// A sink is a destination like any other, told by HTTP with a signature, that prints each event it is told.
type sink struct {
	url, secret string
	key         signature.StandardKey
	out         io.Writer
	link        func(workflow string) string
	mu          sync.Mutex // one event at a time
	server      *http.Server
}

func openSink(out io.Writer, link func(workflow string) string) (*sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the printing destination: %w", err)
	}
	s := &sink{url: "http://" + l.Addr().String() + "/", secret: "whsec_" + newSigningKey(), out: out, link: link}
	if s.key, err = signature.ParseStandardKey(signature.Secret(s.secret)); err != nil {
		return nil, fmt.Errorf("open the printing destination: %w", err)
	}
	s.server = internal(s)
	go func() { _ = s.server.Serve(l) }() // ends when it is closed
	return s, nil
}

func (s *sink) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.server.Shutdown(ctx) // it holds nothing
}

// join adds the sink to a configuration, as one that is told everything.
func (s *sink) join(cfg *config.Config) {
	if cfg.Destinations == nil {
		cfg.Destinations = map[string]config.Destination{}
	}
	if _, taken := cfg.Destinations[sinkName]; taken {
		return
	}
	cfg.Destinations[sinkName] = config.Destination{
		Type: config.DefaultType, Events: []string{"*"},
		Options: &signedhttp.Options{URL: signature.Secret(s.url), Secret: signature.Secret(s.secret), Private: true},
	}
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<20))
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	h := r.Header
	if err := signature.VerifyStandard([]signature.StandardKey{s.key}, h.Get("webhook-id"), h.Get("webhook-timestamp"),
		h.Get("webhook-signature"), body, time.Now(), 5*time.Minute); err != nil {
		http.Error(w, "not authentic", http.StatusUnauthorized)
		return
	}
	var e struct {
		ID       string           `json:"id"`
		Source   string           `json:"source"`
		Type     webhook.Type     `json:"type"`
		Time     time.Time        `json:"time"`
		Severity webhook.Severity `json:"severity"`
		Late     bool             `json:"late"`
		Test     bool             `json:"test"`
		Data     struct {
			Account string          `json:"account"`
			Phone   webhook.Phone   `json:"phone"`
			Webhook string          `json:"webhook"`
			Details json.RawMessage `json:"details"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		http.Error(w, "not an event", http.StatusBadRequest)
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s  %s  (%s)", time.Now().Format(time.TimeOnly), e.Type, e.Severity)
	for _, mark := range []struct {
		name string
		set  bool
	}{{"late", e.Late}, {"test", e.Test}} {
		if mark.set {
			fmt.Fprintf(&b, " [%s]", mark.name)
		}
	}
	if e.Data.Account != "" {
		fmt.Fprintf(&b, "  account %s", e.Data.Account)
	}
	if e.Data.Phone.Number != "" {
		fmt.Fprintf(&b, "  phone %s", e.Data.Phone.Number)
	}
	entry, _ := webhook.Lookup(e.Type)
	details := string(e.Data.Details)
	if len(details) > maxPrinted {
		details = strings.ToValidUTF8(details[:maxPrinted], "") + " …"
	}
	fmt.Fprintf(&b, "\n          %s\n          %s  %s\n", entry.Meaning, e.ID, visible(details))
	source := strings.TrimPrefix(e.Source, "/sources/")
	if link := s.link(workflows.ID([]webhook.Webhook{{Source: source, ID: e.Data.Webhook}})); link != "" {
		fmt.Fprintf(&b, "          %s\n", link)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = io.WriteString(s.out, b.String()) // whoever closed the terminal does not want to read
	w.WriteHeader(http.StatusNoContent)
}
