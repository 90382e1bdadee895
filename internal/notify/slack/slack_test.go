package slack

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"holdfast/internal/notify/sender"
	"holdfast/internal/notify/servicetest"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

const token = "T0KEN"

// TestMessages compares what is posted with testdata, as Slack documents messages of incoming webhooks.
func TestMessages(t *testing.T) {
	server := servicetest.Start(t)
	s := servicetest.Open(t, Type(), &Options{URL: signature.Secret(server.URL + "/services/" + token)})
	for name, m := range map[string]sender.Message{
		"banned": servicetest.Banned(), "hostile": servicetest.Hostile(), "stopped": servicetest.Stopped(), "test": servicetest.Test(),
	} {
		if v := s.Send(t.Context(), m); v != nil {
			t.Fatal(v)
		}
		got := server.Take()
		if len(got) != 1 || got[0].Method != http.MethodPost || !strings.HasPrefix(got[0].Header.Get("Content-Type"), "application/json") {
			t.Fatalf("got %v", got)
		}
		servicetest.Golden(t, name+".json", got[0].Body)
		bounds(t, got[0].Body)
	}
}

// TestNobodyIsPinged looks at every text that Slack reads as markup.
func TestNobodyIsPinged(t *testing.T) {
	server := servicetest.Start(t)
	s := servicetest.Open(t, Type(), &Options{URL: signature.Secret(server.URL)})
	if v := s.Send(t.Context(), servicetest.Hostile()); v != nil {
		t.Fatal(v)
	}
	var posted any
	if err := json.Unmarshal(server.Take()[0].Body, &posted); err != nil {
		t.Fatal(err)
	}
	var look func(any)
	look = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			text, _ := v["text"].(string)
			if v["type"] != "plain_text" && strings.ContainsAny(text, "<>") {
				t.Errorf("not escaped: %q", text)
			}
			for _, inner := range v {
				look(inner)
			}
		case []any:
			for _, inner := range v {
				look(inner)
			}
		}
	}
	look(posted)
}

// bounds checks what Slack's reference of blocks demands.
func bounds(t *testing.T, body []byte) {
	t.Helper()
	type text struct{ Type, Text string }
	var m struct {
		Text   string
		Blocks []struct {
			Type   string
			Text   text
			Fields []text
		}
	}
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	if m.Text == "" || len(m.Blocks) == 0 || len(m.Blocks) > 50 {
		t.Errorf("text %q, %d blocks", m.Text, len(m.Blocks))
	}
	for _, b := range m.Blocks {
		limit := 3000
		if b.Type == "header" {
			limit = 150
		}
		if utf8.RuneCountInString(b.Text.Text) > limit || len(b.Fields) > 10 || b.Type == "section" && b.Text.Text == "" && len(b.Fields) == 0 {
			t.Errorf("%s: %d characters, %d fields", b.Type, len(b.Text.Text), len(b.Fields))
		}
		for _, f := range b.Fields {
			if n := utf8.RuneCountInString(f.Text); n == 0 || n > 2000 {
				t.Errorf("a field of %d characters", n)
			}
		}
	}
}

// TestVerdicts has Slack answer as it does.
func TestVerdicts(t *testing.T) {
	server := servicetest.Start(t)
	s := servicetest.Open(t, Type(), &Options{URL: signature.Secret(server.URL + "/" + token)})
	for _, c := range []struct {
		status int
		text   string
		want   webhook.Kind
		advice bool
	}{
		{400, "invalid_payload", webhook.Refused, false},
		{400, "user_not_found", webhook.Trouble, true},
		{403, "action_prohibited", webhook.Trouble, true},
		{403, "invalid_token", webhook.Trouble, true},
		{404, "channel_not_found", webhook.Trouble, true},
		{404, "no_service", webhook.Gone, true},
		{404, "", webhook.Trouble, true},
		{410, "channel_is_archived", webhook.Gone, true},
		{429, "rate_limited", webhook.Retry, true},
		{500, "rollup_error", webhook.Retry, false},
		{503, "<html>", webhook.Retry, false},
		{302, "", webhook.Trouble, true},
	} {
		server.Answer(c.status, http.Header{"Retry-After": {"30"}}, c.text)
		v := s.Send(t.Context(), servicetest.Banned())
		if v == nil || v.Kind != c.want || (v.Advice != "") != c.advice || v.Status != c.status {
			t.Errorf("%d %s: got %+v", c.status, c.text, v)
			continue
		}
		if strings.Contains(v.Reason+v.Advice, token) || strings.Contains(v.Reason, "127.0.0.1") {
			t.Errorf("%d: shows the url: %+v", c.status, v)
		}
		if (v.RetryAfter == 30*time.Second) != (c.want == webhook.Retry) {
			t.Errorf("%d: retry after %v", c.status, v.RetryAfter)
		}
	}
}

func TestCheck(t *testing.T) {
	for url, want := range map[string]int{"": 1, "http://hooks.slack.com/services/x": 1, "https://hooks.slack.com/services/x": 0} {
		if got := Type().Check(&Options{URL: signature.Secret(url)}); len(got) != want {
			t.Errorf("%q: %v", url, got)
		}
	}
}
