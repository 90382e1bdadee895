package teams

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"holdfast/internal/notify/sender"
	"holdfast/internal/notify/servicetest"
	"holdfast/internal/notify/wording"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

const token = "T0KEN"

// TestMessages compares what is posted with testdata, as Microsoft documents adaptive cards for workflows.
func TestMessages(t *testing.T) {
	server := servicetest.Start(t)
	server.Answer(http.StatusAccepted, nil, "")
	s := servicetest.Open(t, Type(), &Options{URL: signature.Secret(server.URL + "/workflows/1?sig=" + token)})
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
		if size := len(got[0].Body); size > 28<<10 {
			t.Errorf("%s: %d bytes; Teams takes 28 KB", name, size)
		}
	}
}

// TestNoMarkup looks at the texts of a card made of what is made to be taken for markup.
func TestNoMarkup(t *testing.T) {
	body := envelope(wording.Of(servicetest.Hostile())).Attachments[0].Content.Body
	for _, e := range body {
		texts := []string{e.Text}
		for _, f := range e.Facts {
			texts = append(texts, f.Value)
		}
		for _, text := range texts {
			for _, markup := range []string{"[y](", " *x*", " `a`"} {
				if strings.Contains(text, markup) {
					t.Errorf("not escaped: %q", text)
				}
			}
		}
	}
}

// TestVerdicts has a workflow answer as Power Automate does.
func TestVerdicts(t *testing.T) {
	server := servicetest.Start(t)
	s := servicetest.Open(t, Type(), &Options{URL: signature.Secret(server.URL + "/?sig=" + token)})
	for _, c := range []struct {
		status int
		text   string
		want   webhook.Kind
		advice bool
	}{
		{200, "", "", false},
		{202, "", "", false},
		{400, `{"error":{"code":"TriggerInputSchemaMismatch"}}`, webhook.Refused, false},
		{400, `{"error":{"code":"WorkflowTriggerIsNotEnabled"}}`, webhook.Trouble, true},
		{401, `{"error":{"code":"DirectApiAuthorizationRequired"}}`, webhook.Trouble, true},
		{401, "", webhook.Trouble, true},
		{404, `{"error":{"code":"WorkflowNotFound"}}`, webhook.Trouble, true},
		{410, "", webhook.Gone, true},
		{413, "", webhook.Refused, false},
		{429, "", webhook.Retry, true},
		{502, "", webhook.Retry, false},
	} {
		server.Answer(c.status, http.Header{"Retry-After": {"30"}}, c.text)
		v := s.Send(t.Context(), servicetest.Banned())
		if c.want == "" {
			if v != nil {
				t.Errorf("%d: got %+v", c.status, v)
			}
			continue
		}
		if v == nil || v.Kind != c.want || (v.Advice != "") != c.advice || v.Status != c.status {
			t.Errorf("%d %s: got %+v", c.status, c.text, v)
			continue
		}
		if strings.Contains(v.Reason+v.Advice, token) || (v.RetryAfter == 30*time.Second) != (c.want == webhook.Retry) {
			t.Errorf("%d: %+v", c.status, v)
		}
	}
}

func TestCheck(t *testing.T) {
	for url, want := range map[string]int{"": 1, "http://prod.logic.azure.com/x": 1, "https://prod.logic.azure.com/x?sig=y": 0} {
		if got := Type().Check(&Options{URL: signature.Secret(url)}); len(got) != want {
			t.Errorf("%q: %v", url, got)
		}
	}
}
