package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"holdfast/internal/provider"
	"holdfast/internal/provider/apitest"
	"holdfast/internal/provider/meta"
	"holdfast/internal/provider/meta/graph"
	"holdfast/internal/provider/whizard"
	"holdfast/internal/provider/whizard/whizardapi"
)

// remoteSource is the only source of a configuration.
func remoteSource[P provider.Provider](t *testing.T, settings, dialect string) spoken[P] {
	t.Helper()
	cfg, err := parseTest("sources:\n  one: {" + settings + "}\n")
	if err != nil {
		t.Fatal(err)
	}
	source, err := speaking[P](cfg, "", dialect)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// What was set is believed only when it was read back: the old headers would be refused once they are taken away.
func TestWhizardIsReadBack(t *testing.T) {
	source := remoteSource[*whizard.Provider](t, `provider: whizard, phone: "1", credentials: [{name: b, headers: {X-Key: new}}, {name: a, headers: {X-Key: old}}]`, "whizard")
	const endpoint = "https://hooks.example.com/webhooks/one"
	for name, test := range map[string]struct {
		url     string
		headers map[string]string
		want    string
	}{
		"the same":           {endpoint, map[string]string{"x-key": "new", "X-Other": "1"}, ""},
		"the same with port": {"https://HOOKS.example.com:443/webhooks/one", map[string]string{"X-Key": "new"}, ""},
		"no headers":         {endpoint, nil, "something else"},
		"the old headers":    {endpoint, map[string]string{"X-Key": "old"}, "something else"},
		"another URL":        {endpoint + "/", map[string]string{"X-Key": "new"}, "something else"},
	} {
		server := apitest.NewWhizard(t, "hidden-key")
		server.KeepInstead(test.url, test.headers)
		client, err := whizardapi.New(server.URL, "hidden-key")
		if err != nil {
			t.Fatal(err)
		}
		err = setWhizard(t.Context(), client, source, endpoint, io.Discard)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestMetaIsReadBack(t *testing.T) {
	source := remoteSource[*meta.Provider](t, "provider: meta, app_secrets: [hidden-secret], verify_token: token", "meta")
	ingress := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer, ok := source.provider.Handshake(r.URL.Query()); ok {
			_, _ = io.WriteString(w, answer)
		}
	}))
	t.Cleanup(ingress.Close)
	const endpoint = "https://hooks.example.com/webhooks/one"
	for name, test := range map[string]struct {
		change      func(*apitest.Graph)
		onSubscribe string
		onStatus    string
	}{
		"nothing wrong":          {func(*apitest.Graph) {}, "", ""},
		"a field is forgotten":   {func(g *apitest.Graph) { g.Forgets = "messages" }, "something else is: not subscribed: messages", "not subscribed: messages"},
		"not active":             {func(g *apitest.Graph) { g.Inactive = true }, "not active", "not active"},
		"a token of another app": {func(g *apitest.Graph) { g.TokenApp = "777" }, "META_ACCESS_TOKEN is of another app", "not subscribed to account 4711"},
	} {
		server := apitest.NewGraph(t, "188", "hidden-secret", "hidden-token", []string{"4711"}, meta.Fields())
		server.Reach = func(u *url.URL) string { return ingress.URL + u.Path }
		test.change(server)
		client, err := graph.New(graph.Config{Base: server.URL, Version: graph.Version, App: "188", Secret: "hidden-secret", Token: "hidden-token", VerifyToken: "token"})
		if err != nil {
			t.Fatal(err)
		}
		plan := metaPlan{client: client, source: source, app: "188", endpoint: endpoint, fields: meta.Fields(), accounts: []string{"4711"}}
		subscribed := subscribeMeta(t.Context(), plan, io.Discard)
		for step, err := range map[string]error{"subscribe": subscribed, "status": metaStatus(t.Context(), plan, io.Discard)} {
			want := map[string]string{"subscribe": test.onSubscribe, "status": test.onStatus}[step]
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s, %s: %v, want %q", name, step, err, want)
			}
		}
		if name != "nothing wrong" {
			continue
		}
		server.Override("https://elsewhere.example.com/hook")
		if err := metaStatus(t.Context(), plan, io.Discard); err == nil || !strings.Contains(err.Error(), "messages of account 4711 are sent elsewhere") {
			t.Errorf("messages go elsewhere: %v", err)
		}
		if err := subscribeMeta(t.Context(), plan, io.Discard); err != nil {
			t.Error(err)
		}
		if err := metaStatus(t.Context(), plan, io.Discard); err == nil {
			t.Error("to subscribe again took away where else messages are sent")
		}
		server.Override(endpoint)
		if err := metaStatus(t.Context(), plan, io.Discard); err != nil {
			t.Errorf("messages go to the same place by another way: %v", err)
		}
	}
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 4, 16, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"36h":                       now.Add(-36 * time.Hour),
		"0s":                        now,
		"2026-04-16T08:00:00+08:00": now.Add(-12 * time.Hour),
		"":                          {},
		"-1h":                       {},
		"2026-04-16 08:00:00":       time.Date(2026, 4, 16, 8, 0, 0, 0, time.Local),
		"2026-04-16 08:00":          time.Date(2026, 4, 16, 8, 0, 0, 0, time.Local),
		"2026-04-16":                time.Date(2026, 4, 16, 0, 0, 0, 0, time.Local),
		"7d":                        now.Add(-7 * 24 * time.Hour),
		"d":                         {},
		"-7d":                       {},
		"NaNd":                      {},
		"08:00":                     {},
		"yesterday":                 {},
	} {
		if got, err := moment(text, now); !got.Equal(want) || (err == nil) == want.IsZero() {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
}

// A sample that is sent twice is two messages, whichever client's.
func TestFreshenMakesNewMessages(t *testing.T) {
	for _, name := range []string{"whizard/message-received", "whizard/message-read", "whizard/message-delivered"} {
		published, _, ok := sample(name)
		if !ok {
			t.Fatalf("no sample %s", name)
		}
		var seen [][]byte
		for range 2 {
			body, err := freshen(published, placeholders{}, time.Unix(1790000000, 0))
			if err != nil || !json.Valid(body) {
				t.Fatalf("%s: %v", body, err)
			}
			seen = append(seen, body)
		}
		if bytes.Equal(seen[0], seen[1]) {
			t.Errorf("%s is the same each time: %s", name, seen[0])
		}
	}
}
