package webapi_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"holdfast/internal/webapi"
)

func TestNew(t *testing.T) {
	tests := []struct {
		base string
		want string
	}{
		{"https://api.example.com", ""},
		{"https://api.example.com:8443/v1/", ""},
		{"http://127.0.0.1:8080", ""},
		{"http://[::1]:8080", ""},
		{"http://localhost", ""},
		{"http://api.example.com", "in the clear"},
		{"http://127.0.0.1.example.com", "in the clear"},
		{"ftp://api.example.com", "want the URL"},
		{"api.example.com", "want the URL"},
		{"", "want the URL"},
		{"https://hidden@api.example.com", "without user"},
		{"https://api.example.com?hidden=1", "without user"},
		{"https://api.example.com/%zz", "want the URL"},
	}
	for _, test := range tests {
		_, err := webapi.New(test.base, 0)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hidden")) {
			t.Errorf("%s: %v, want %q", test.base, err, test.want)
		}
	}
}

func TestCall(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL, r.Header.Get("Key"), body)
	}))
	defer server.Close()
	client, err := webapi.New(server.URL+"/base", 0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.Call(t.Context(), webapi.Request{
		Method: "PUT", Path: "/v1/a b", Query: url.Values{"q": {"1&2"}}, Header: http.Header{"Key": {"x"}}, Body: []byte("hello"),
	})
	if err != nil || got.Status != http.StatusTeapot || string(got.Body) != "PUT /base/v1/a%20b?q=1%262 x hello" {
		t.Errorf("%d %s, %v", got.Status, got.Body, err)
	}
}

// A redirect would take the credentials along: to another path of the same host even those that Go drops elsewhere.
func TestRedirectsAreNotFollowed(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	client, err := webapi.New(server.URL, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Call(t.Context(), webapi.Request{Method: "GET", Path: "/hidden", Header: http.Header{"Key": {"x"}}})
	if err == nil || !strings.Contains(err.Error(), "redirect") || strings.Contains(err.Error(), "hidden") || asked != 1 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	size := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", size))
	}))
	defer server.Close()
	client, err := webapi.New(server.URL, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for size = range map[int]bool{1000: true, 1001: true} {
		_, err := client.Call(t.Context(), webapi.Request{Method: "GET"})
		if (err == nil) != (size == 1000) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestErrorsHoldNoURL(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	client, err := webapi.New(server.URL+"/hidden", 0)
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, ctx := range []context.Context{t.Context(), gone} {
		_, err := client.Call(ctx, webapi.Request{Method: "GET", Path: "/hidden", Query: url.Values{"hidden": {"1"}}})
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("got %v", err)
		}
	}
	if _, err := client.Call(t.Context(), webapi.Request{Method: "a hidden b"}); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("got %v", err)
	}
}

func TestSay(t *testing.T) {
	client, err := webapi.New("https://api.example.com", 0, "EAABtoken", "", "e", "long one")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"Malformed token EAABtoken": "Malformed token [secret]",
		"a\nb\x1b[2Jc\u202ed":       "a b [2Jc d",
		"a long one":                "a [secret]",
		strings.Repeat("é", 301):    strings.Repeat("é", 300) + "…",
		" spaces\t and\u00a0more  ": "spaces and more",
		"牛小信":                       "牛小信",
	} {
		if got := client.Say(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
