package nxcloud

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/provider/apitest"
	"holdfast/internal/provider/nxtele"
	"holdfast/internal/signature"
)

func newClient(t *testing.T, base, app string, options nxtele.Options) *Client {
	t.Helper()
	p, err := nxtele.New(options, false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(base, app, p.SignRequest)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func keys(key, secret string, algorithms ...string) nxtele.Options {
	return nxtele.Options{AccessKeys: map[string]signature.Secret{key: signature.Secret(secret)}, Algorithms: algorithms}
}

func TestCallbacks(t *testing.T) {
	server := apitest.NewNXCloud(t, "fme2na3kdi3ki", "hidden", "pem28kje")
	now := time.Now()
	const odd = "{\"field\": \"account_update\",\n \"value\":{\"note\":\"牛 \\u00e9\"}}"
	server.Store("15550001111", "account_update", now.Add(-2*time.Hour), odd)
	server.Store("15550001111", "account_update", now.Add(-time.Minute), "{}")
	server.Store("15550001111", "history", now.Add(-time.Hour), "another field")
	server.Store("15550002222", "account_update", now.Add(-time.Hour), "another number")
	server.Store("15550001111", "account_update", now.Add(-100*time.Hour), "too old")
	q := Query{Phone: "15550001111", Field: "account_update", Since: now.Add(-3 * time.Hour), Until: now}
	for _, algorithm := range []string{"sha256", "md5"} {
		got, err := newClient(t, server.URL, "pem28kje", keys("fme2na3kdi3ki", "hidden", algorithm)).Callbacks(t.Context(), q)
		if diff := cmp.Diff([][]byte{[]byte(odd), []byte("{}")}, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", algorithm, err, diff)
		}
	}
	q.Phone = "15550003333"
	if got, err := newClient(t, server.URL, "pem28kje", keys("fme2na3kdi3ki", "hidden")).Callbacks(t.Context(), q); err != nil || len(got) > 0 {
		t.Errorf("of a number without any: %q, %v", got, err)
	}
}

func TestErrors(t *testing.T) {
	server := apitest.NewNXCloud(t, "fme2na3kdi3ki", "hidden", "pem28kje")
	now := time.Now()
	good := Query{Phone: "1", Field: "account_update", Since: now.Add(-time.Hour), Until: now}
	tests := []struct {
		name, app string
		options   nxtele.Options
		off       time.Duration // of our clock
		query     Query
		want      string
	}{
		{"wrong secret", "pem28kje", keys("fme2na3kdi3ki", "hidden2"), 0, good, "code 1003: Invalid signature"},
		{"wrong key", "pem28kje", keys("other", "hidden"), 0, good, "code 1005: Insufficient permissions"},
		{"wrong app", "other", keys("fme2na3kdi3ki", "hidden"), 0, good, "code 1005: Insufficient permissions"},
		{"wrong time", "pem28kje", keys("fme2na3kdi3ki", "hidden"), -2 * time.Minute, good, "code 1004: Timestamp expired"},
		{"no number", "pem28kje", keys("fme2na3kdi3ki", "hidden"), 0, Query{Field: "account_update", Since: good.Since, Until: now}, "code 1002: Parameter error"},
	}
	for _, test := range tests {
		c := newClient(t, server.URL, test.app, test.options)
		c.now = func() time.Time { return time.Now().Add(test.off) }
		if _, err := c.Callbacks(t.Context(), test.query); err == nil || err.Error() != "fetch callbacks: "+test.want {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
}

func TestOddAnswers(t *testing.T) {
	tests := []struct {
		status int
		body   string
		want   [][]byte
		err    string
	}{
		{200, `{"code":"0","data":["a",{"field":"account_update"},"\u00e9"]}`, [][]byte{[]byte("a"), []byte(`{"field":"account_update"}`), []byte("é")}, ""},
		{200, `{"code":0,"data":null}`, [][]byte{}, ""},
		{200, `{"code":0,"data":{}}`, nil, "not what NXCloud documents"},
		{200, `{"data":[]}`, nil, "not what NXCloud documents"},
		{200, `<html>`, nil, "not what NXCloud documents"},
		{200, `{"code":88,"msg":"请求失败"}`, nil, "code 88: 请求失败"},
		{502, `<html>`, nil, "status 502"},
		{400, `{"code":1001,"message":"Missing"}`, nil, "code 1001: Missing"},
		{500, `{"code":0,"data":["a"]}`, nil, "status 500"},
	}
	now := time.Now()
	for _, test := range tests {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		}))
		got, err := newClient(t, server.URL, "app", keys("key", "secret")).Callbacks(t.Context(), Query{Since: now, Until: now})
		if diff := cmp.Diff(test.want, got); diff != "" || (err == nil) != (test.err == "") || err != nil && !strings.HasSuffix(err.Error(), test.err) {
			t.Errorf("%d %s: %v, want %q\n%s", test.status, test.body, err, test.err, diff)
		}
		server.Close()
	}
}

func TestTimes(t *testing.T) {
	now := time.Date(2026, 4, 16, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name         string
		since, until time.Duration // before now
		zone         *time.Location
		start, end   string
	}{
		{"zone unknown", 2 * time.Hour, 0, nil, "2026-04-16 10:00:00", "2026-04-16 20:00:00"},
		{"China", 2 * time.Hour, time.Hour, china, "2026-04-16 18:00:00", "2026-04-16 19:00:00"},
		{"UTC", 2 * time.Hour, time.Hour, time.UTC, "2026-04-16 10:00:00", "2026-04-16 11:00:00"},
		{"as old as can be", 168 * time.Hour, 0, time.UTC, "2026-04-09 12:00:00", "2026-04-16 12:00:00"},
		{"as old as can be, zone unknown", 160 * time.Hour, 0, nil, "2026-04-09 20:00:00", "2026-04-16 20:00:00"},
		{"too old", 168*time.Hour + 1, 0, time.UTC, "", ""},
		{"too old, zone unknown", 160*time.Hour + 1, 0, nil, "", ""},
		{"backwards", time.Hour, 2 * time.Hour, nil, "", ""},
	}
	for _, test := range tests {
		q := Query{Since: now.Add(-test.since), Until: now.Add(-test.until), Zone: test.zone}
		start, end, err := q.times(now)
		if start != test.start || end != test.end || (err == nil) != (test.start != "") {
			t.Errorf("%s: %s to %s, %v; want %s to %s", test.name, start, end, err, test.start, test.end)
		}
	}
}
