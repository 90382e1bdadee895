// Package apitest stands in for the web APIs of providers in tests: servers on this machine that want exactly what the
// providers document, and refuse the rest as they do. Nothing in it is taken from the code that it examines.
package apitest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
)

// Whizard is the API by which webhooks of one number are configured (Whizard: Webhooks).
type Whizard struct {
	*httptest.Server
	Key string // the one that it knows

	mu      sync.Mutex
	url     string
	headers map[string]string
	instead *instead
}

// NewWhizard starts one that ends with the test.
func NewWhizard(t testing.TB, key string) *Whizard {
	w := &Whizard{Key: key}
	w.Server = httptest.NewServer(w)
	t.Cleanup(w.Close)
	return w
}

// instead is what is kept whatever is set.
type instead struct {
	url     string
	headers map[string]string
}

// KeepInstead makes it answer as it should from now on, and keep this.
func (w *Whizard) KeepInstead(url string, headers map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.instead = &instead{url, headers}
}

func (w *Whizard) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case r.URL.Path != "/v1/configs/webhook":
		whizardError(rw, http.StatusNotFound, "Not Found", "no such resource")
		return
	case r.Header.Get("WHIZARD-KEY") != w.Key:
		whizardError(rw, http.StatusUnauthorized, "Unauthorized", "the key "+r.Header.Get("WHIZARD-KEY")+" is not valid")
		return
	case r.Header.Get("Content-Type") != "application/json":
		whizardError(rw, http.StatusBadRequest, "Bad Request", "Content-Type is required")
		return
	}
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		var in struct {
			URL     string            `json:"url"`
			Headers map[string]string `json:"headers"`
		}
		d := json.NewDecoder(r.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil {
			whizardError(rw, http.StatusBadRequest, "Bad Request", "invalid syntax")
			return
		}
		if u, err := url.Parse(in.URL); err != nil || u.Scheme != "https" || u.Port() != "" && u.Port() != "443" {
			whizardError(rw, http.StatusBadRequest, "Bad Request", "Only HTTPS webhook URLs on port 443 are valid", "url")
			return
		}
		w.url, w.headers = in.URL, in.Headers
		if w.instead != nil {
			w.url, w.headers = w.instead.url, w.instead.headers
		}
	default:
		whizardError(rw, http.StatusMethodNotAllowed, "Method Not Allowed")
		return
	}
	writeJSON(rw, http.StatusOK, map[string]any{"url": w.url, "headers": w.headers})
}

// whizardError answers as their page says. What it calls 400 there says 500 in the body, so the two differ here as well.
func whizardError(w http.ResponseWriter, status int, message string, details ...string) {
	writeJSON(w, status, map[string]any{"meta": map[string]any{
		"success": false, "http_code": 500, "developer_message": message, "details": details,
	}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		status, text = http.StatusInternalServerError, fmt.Append(nil, err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // who does not read it is the one that is tested
}
