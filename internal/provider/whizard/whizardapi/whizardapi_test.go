package whizardapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/provider/apitest"
	"holdfast/internal/provider/whizard/whizardapi"
	"holdfast/internal/signature"
)

const key = "hidden-key"

func newClient(t *testing.T, base, key string) *whizardapi.Client {
	t.Helper()
	c, err := whizardapi.New(base, signature.Secret(key))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSetAndGet(t *testing.T) {
	c := newClient(t, apitest.NewWhizard(t, key).URL, key)
	got, err := c.Get(t.Context())
	if err != nil || got.URL != "" || len(got.Headers) > 0 {
		t.Errorf("before anything was set: %v, %v", got, err)
	}
	want := whizardapi.Webhook{
		URL:     "https://hooks.example.com/webhooks/a",
		Headers: map[string]signature.Secret{"Authorization": "Bearer x\"\u00e9", "header_1": "2"},
	}
	if err := c.Set(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if got, err = c.Get(t.Context()); err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
}

func TestErrors(t *testing.T) {
	server := apitest.NewWhizard(t, key)
	get := func(base, key string) error {
		_, err := newClient(t, base, key).Get(t.Context())
		return err
	}
	set := func(url string) error {
		return newClient(t, server.URL, key).Set(t.Context(), whizardapi.Webhook{URL: url})
	}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"wrong key", get(server.URL, "hidden-other"), "read the webhook: status 401: Unauthorized; the key [secret] is not valid"},
		{"wrong base", get(server.URL+"/v2", key), "read the webhook: status 404: Not Found; no such resource"},
		{"port", set("https://example.com:8443/"), "set the webhook: status 400: Bad Request; Only HTTPS webhook URLs on port 443 are valid; url"},
	}
	for _, test := range tests {
		if test.err == nil || test.err.Error() != test.want {
			t.Errorf("%s: %v, want %s", test.name, test.err, test.want)
		}
	}
	if _, err := whizardapi.New(server.URL, ""); err == nil {
		t.Error("no key is taken for one")
	}
}

// Whatever the answer is, no header of it gets into an error.
func TestOddAnswers(t *testing.T) {
	tests := []struct {
		status int
		body   string
		want   string
	}{
		{200, `{"url":"https://example.com","headers":{"Authorization":"hidden"},"meta":{"success":true}}`, ""},
		{200, `{"url":"https://example.com","headers":null}`, ""},
		{200, `{"url":7,"headers":{"Authorization":"hidden"}}`, "not what Whizard documents"},
		{200, `{"headers":{"Authorization":["hidden"]}}`, "not what Whizard documents"},
		{200, `hidden`, "not what Whizard documents"},
		{200, `{"meta":{"success":false,"developer_message":"no"}}`, "status 200: no"},
		{200, `{"meta":{}}`, "status 200"},
		{500, `{"meta":{"success":true}}`, "status 500"},
		{502, `<html>hidden</html>`, "status 502"},
		{201, `{"url":"https://example.com"}`, "status 201"},
	}
	for _, test := range tests {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		}))
		_, err := newClient(t, server.URL, key).Get(t.Context())
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasSuffix(err.Error(), test.want) || strings.Contains(err.Error(), "hidden")) {
			t.Errorf("%d %s: %v, want %q", test.status, test.body, err, test.want)
		}
		server.Close()
	}
}

func TestCheckURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://hooks.example.com/webhooks/a":     "",
		"https://hooks.example.com:443/webhooks/a": "",
		"https://192.0.2.1/webhooks/a":             "",
		"http://hooks.example.com/webhooks/a":      "https only",
		"https://hooks.example.com:8443/a":         "port 443 only",
		"http://127.0.0.1:8080/webhooks/a":         "https only",
		"https://127.0.0.1/webhooks/a":             "cannot reach",
		"https://10.0.0.1/webhooks/a":              "cannot reach",
		"https://localhost/webhooks/a":             "cannot reach",
		"https://user@example.com/":                "without user",
		"https://example.com/?a=b":                 "without user",
		"hooks.example.com":                        "want the URL",
		"https:///a":                               "want the URL",
	} {
		err := whizardapi.CheckURL(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
