package ingress

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRefusedAreBounded(t *testing.T) {
	l := newRefusals(16)
	at := noon
	add := func(source, why, remote string) {
		at = at.Add(time.Second)
		l.add(Refused{First: at, Last: at, Count: 1, Source: source, Reason: why, Remote: remote})
	}
	add("acme", "signature_mismatch", "192.0.2.1")
	add("acme", "signature_mismatch", "192.0.2.2")
	for i := range 1000 { // a flood from everywhere
		add("unknown", "unknown_path", fmt.Sprint(i))
		add("unknown", "unknown_path", "192.0.2.9")
	}
	list := l.list()
	if len(list) != 4 {
		t.Fatalf("%d entries: %+v", len(list), list)
	}
	if list[0].Remote != "192.0.2.9" || list[0].Count != 1000 || !list[0].Last.Equal(at) {
		t.Errorf("latest: %+v", list[0])
	}
	if list[2].Remote != "192.0.2.2" || list[3].Remote != "192.0.2.1" {
		t.Errorf("washed out by a flood: %+v", list)
	}
	for i := range 100 {
		add(fmt.Sprint("source", i), "missing_evidence", "192.0.2.1")
	}
	if list = l.list(); len(list) != 16 || list[15].Source != "source84" {
		t.Errorf("%d entries, oldest %+v", len(list), list[len(list)-1])
	}
}

func TestRefusedList(t *testing.T) {
	w := newWorld(t, nil)
	get := func() string {
		reply := httptest.NewRecorder()
		w.in.OperatorHandler().ServeHTTP(reply, httptest.NewRequest("GET", "/refused", nil))
		if reply.Code != 200 || reply.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%d %v", reply.Code, reply.Header())
		}
		return reply.Body.String()
	}
	if got := get(); got != "[]\n" {
		t.Errorf("at first: %q", got)
	}
	for range 3 {
		w.do("POST", "/webhooks/acme", body, map[string]string{"User-Agent": "evil\u009b" + strings.Repeat("x", 200)})
	}
	var got []Refused
	if err := json.Unmarshal([]byte(get()), &got); err != nil {
		t.Fatal(err)
	}
	want := []Refused{{
		First: noon, Last: noon, Count: 3, Source: "acme", Reason: "missing_evidence", Status: 401, Bytes: int64(len(body)),
		Remote: "127.0.0.1", UserAgent: "evil?" + strings.Repeat("x", userAgentKept-6),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLogIsSampled(t *testing.T) {
	now := noon
	w := newWorld(t, func(c *Config) { c.Now = func() time.Time { return now } })
	for range 5 {
		w.do("POST", "/webhooks/acme", body, nil)
	}
	w.do("POST", "/webhooks/plain", body, nil)
	w.do("POST", "/webhooks/nobody", body, nil)
	if lines := strings.Count(w.log.String(), `"msg":"refused"`); lines != 3 {
		t.Errorf("%d lines: %s", lines, w.log)
	}
	now = now.Add(time.Second)
	w.do("POST", "/webhooks/acme", body, nil)
	if !strings.Contains(w.log.String(), `"left_out":4`) {
		t.Errorf("what was left out is not counted: %s", w.log)
	}
}
