package graph_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/provider/apitest"
	"holdfast/internal/provider/meta"
	"holdfast/internal/provider/meta/graph"
)

const (
	app      = "188559381496048"
	account  = "300100200"
	callback = "https://hooks.example.com/webhooks/meta"
)

// newGraph is Meta and an endpoint that answers its verification request.
func newGraph(t *testing.T) *apitest.Graph {
	t.Helper()
	p, err := meta.New(meta.Options{VerifyToken: "hidden verify token"}, true)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := p.Handshake(r.URL.Query())
		if !ok || r.URL.Path != "/webhooks/meta" {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(endpoint.Close)
	g := apitest.NewGraph(t, app, "hidden-secret", "hidden-token", []string{account}, meta.Fields())
	g.Reach = func(u *url.URL) string { return endpoint.URL + u.Path }
	return g
}

func newClient(t *testing.T, base string, change func(*graph.Config)) *graph.Client {
	t.Helper()
	config := graph.Config{Base: base, Version: graph.Version, App: app, Secret: "hidden-secret", Token: "hidden-token", VerifyToken: "hidden verify token"}
	if change != nil {
		change(&config)
	}
	c, err := graph.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSubscribe(t *testing.T) {
	c := newClient(t, newGraph(t).URL, nil)
	got, err := c.Subscription(t.Context())
	if err != nil || got.Callback != "" || len(got.Fields) > 0 {
		t.Errorf("before anything was subscribed: %+v, %v", got, err)
	}
	if err := c.Subscribe(t.Context(), callback, []string{"account_update", "messages"}); err != nil {
		t.Fatal(err)
	}
	want := graph.Subscription{Callback: callback, Active: true, Fields: map[string]string{"account_update": "v26.0", "messages": "v26.0"}}
	if got, err = c.Subscription(t.Context()); err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
}

func TestSubscribeAccount(t *testing.T) {
	server := newGraph(t)
	server.Override("https://elsewhere.example.com/")
	c := newClient(t, server.URL, nil)
	other := graph.App{ID: "999", Name: "App 999"}
	got, err := c.SubscribedApps(t.Context(), account)
	if diff := cmp.Diff([]graph.App{other}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if err := c.SubscribeAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	server.Override("https://elsewhere.example.com/")
	got, err = c.SubscribedApps(t.Context(), account) // on two pages
	if diff := cmp.Diff([]graph.App{other, {ID: app, Name: "App " + app, Callback: "https://elsewhere.example.com/"}}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestErrors(t *testing.T) {
	server := newGraph(t)
	read := func(change func(*graph.Config)) error {
		_, err := newClient(t, server.URL, change).Subscription(t.Context())
		return err
	}
	subscribe := func(change func(*graph.Config), callback string, fields ...string) error {
		return newClient(t, server.URL, change).Subscribe(t.Context(), callback, fields)
	}
	malformed := func(app string) string {
		return "Malformed access token " + app + "|[secret] (status 400, OAuthException, code 190, fbtrace_id EXAMPLETRACE): the token or the app's secret is wrong, or has expired"
	}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"wrong secret", read(func(c *graph.Config) { c.Secret = "hidden-other" }), "read the subscription of the app: " + malformed(app)},
		{"another app", read(func(c *graph.Config) { c.App = "7" }), "read the subscription of the app: " + malformed("7")},
		{
			"wrong verify token", subscribe(func(c *graph.Config) { c.VerifyToken = "hidden other token" }, callback, "messages"),
			"subscribe the app: (#2200) Callback verification failed with the following errors: curl_errno = 60 (status 400, OAuthException, code 2200, fbtrace_id EXAMPLETRACE): Meta asked the callback URL and was not answered",
		},
		{"wrong callback", subscribe(nil, "https://hooks.example.com/", "messages"), "subscribe the app: (#2200) Callback verification failed"},
		{"unknown field", subscribe(nil, callback, "messages", "weather"), "subscribe the app: (#100) Param fields has an invalid field: weather (status 400, OAuthException, code 100, fbtrace_id EXAMPLETRACE)"},
		{
			"expired token", newClient(t, server.URL, func(c *graph.Config) { c.Token = "hidden-old" }).SubscribeAccount(t.Context(), account),
			"subscribe the app to account 300100200: Error validating access token [secret]: Session has expired (status 400, OAuthException, code 190, subcode 463, fbtrace_id EXAMPLETRACE)",
		},
		{"another account", newClient(t, server.URL, nil).SubscribeAccount(t.Context(), "7"), "subscribe the app to account 7: Unsupported request. Object with ID '7'"},
	}
	for _, test := range tests {
		if test.err == nil || !strings.HasPrefix(test.err.Error(), test.want) || strings.Contains(test.err.Error(), "hidden") {
			t.Errorf("%s: %v, want %s", test.name, test.err, test.want)
		}
	}
}

func TestOddAnswers(t *testing.T) {
	tests := []struct {
		status           int
		body             string
		onRead, onChange string
	}{
		{200, `{"success":"true","data":[]}`, "", ""},
		{200, `{"success":false}`, "not what Graph documents", "does not say"},
		{200, `{"data":[7]}`, "not what Graph documents", "does not say"},
		{200, `hidden`, "not what Graph documents", "does not say"},
		{200, `{"data":[],"paging":{"next":"hidden","cursors":{"after":"x"}}}`, "no end", "does not say"},
		{200, `{"error":{"message":"no"}}`, "no (status 200", "no (status 200"},
		{200, `{"error":{"message":"(#200) no","code":200,"error_user_msg":"Ask somebody","type":"OAuthException"}}`, "(#200) no (Ask somebody) (status 200, OAuthException, code 200): the token needs", "needs the permission"},
		{503, `<html>hidden</html>`, "status 503", "status 503"},
		{500, `{"success":true,"data":[]}`, "status 500", "status 500"},
	}
	for _, test := range tests {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		}))
		c := newClient(t, server.URL, nil)
		_, onRead := c.Subscription(t.Context())
		for _, r := range []struct {
			err  error
			want string
		}{{onRead, test.onRead}, {c.SubscribeAccount(t.Context(), account), test.onChange}} {
			err, want := r.err, r.want
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden")) {
				t.Errorf("%d %s: %v, want %q", test.status, test.body, err, want)
			}
		}
		server.Close()
	}
}

func TestNewRefuses(t *testing.T) {
	good := graph.Config{Base: graph.API, Version: graph.Version, App: app, Secret: "hidden"}
	for name, change := range map[string]func(*graph.Config){
		"app":     func(c *graph.Config) { c.App = "me/../1" },
		"version": func(c *graph.Config) { c.Version = "26" },
		"secret":  func(c *graph.Config) { c.Secret = "" },
		"base":    func(c *graph.Config) { c.Base = "http://graph.facebook.com" },
	} {
		config := good
		change(&config)
		if _, err := graph.New(config); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := graph.New(good); err != nil {
		t.Error(err)
	}
	if graph.ValidID("") || graph.ValidID("1/2") || graph.ValidID("a") || !graph.ValidID(account) {
		t.Error("ids are not what they should be")
	}
}
