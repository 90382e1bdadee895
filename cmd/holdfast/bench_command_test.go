package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/internal/load"
)

// freeAddress is an address on loopback that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestBench has the whole house told of every kind of webhook, of both providers, and knows each update again.
func TestBench(t *testing.T) {
	for _, dialect := range load.Dialects() {
		t.Run(dialect, func(t *testing.T) {
			r := newRig(t)
			address := freeAddress(t)
			key := "whsec_" + newSigningKey()
			nx := "nx-" + r.name[len(r.name)-16:]
			text := r.yaml(nil) + "  " + nx + ": {provider: nxtele, access_keys: {key: secret}}\n" +
				"destinations:\n  crm: {url: \"http://" + address + "/crm\", secret: \"" + key + "\", private: true, events: [\"*\"]}\n" +
				"  dead: {url: \"http://" + address + "/dead\", secret: \"" + key + "\", private: true, events: [\"*\"]}\n"
			cfg, err := parseTest(text)
			if err != nil {
				t.Fatal(err)
			}
			h := r.start(cfg, both)
			path, secret := r.name, r.secret
			if dialect == "nxtele" {
				path, secret = nx, "key:secret"
			}
			file := filepath.Join(t.TempDir(), "report.json")
			flags := benchFlags{
				url: h.ingress + "/webhooks/" + path, mix: "status=4,message=1,ban=1,reinstated=1,stop=1,unknown=1",
				options: load.Options{Dialect: dialect, Batch: 3},
				plan: load.Plan{
					Rate: 100, Webhooks: 100, Duration: time.Minute, Duplicates: .2, Forged: .1, Timeout: time.Minute,
				},
				sink: address, destinations: []string{"crm"}, hang: []string{"dead"}, patience: time.Minute, drain: time.Minute, json: file,
				cpu: []string{"self=" + strconv.Itoa(os.Getpid())},
			}
			var out, errOut bytes.Buffer
			env := map[string]string{benchSecret: secret, benchSinkKey: key}
			if err := bench(t.Context(), flags, func(name string) string { return env[name] }, &out, &errOut); err != nil {
				t.Errorf("%v\n%s%s", err, &out, &errOut)
			}
			written, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var report load.Report
			if err := json.Unmarshal(written, &report); err != nil {
				t.Fatal(err)
			}
			w := report.Webhooks
			if w.Acknowledged+w.Forged != w.Sent || w.Sent != 100+w.Duplicates || w.Duplicates == 0 || w.Forged == 0 || w.Believed > 0 {
				t.Errorf("%+v", w)
			}
			if report.Answers["401"] != w.Forged || report.Answers["200"] != w.Acknowledged {
				t.Errorf("answers %v", report.Answers)
			}
			if len(report.Destinations) != 1 {
				t.Fatalf("destinations %+v", report.Destinations)
			}
			d := report.Destinations[0]
			if d.Name != "crm" || d.Told != d.Expected || d.Told == 0 || d.Lost+d.Unasked+d.Repeated+d.SeveralIDs+d.Strange+d.Forged > 0 {
				t.Errorf("%+v", d)
			}
			if d.Latency.P50 <= report.FromSend.P50/2 || d.ByKind["ban"].Count == 0 || len(report.ByKind) != 7 {
				t.Errorf("told in %+v, acknowledged in %+v", d.ByKind, report.ByKind)
			}
			if c := report.Costs; len(c) != 2 || c[0].CPU <= 0 || c[1].Memory <= 0 {
				t.Errorf("costs %+v", c)
			}
			if !strings.Contains(out.String(), "crm: told ") {
				t.Errorf("the table is\n%s", &out)
			}
		})
	}
}

// What is acknowledged and never told is a loss, and the exit status says so.
func TestBenchLoses(t *testing.T) {
	r := newRig(t)
	h := r.start(r.config(nil), both)
	flags := benchFlags{
		url: h.ingress + "/webhooks/" + r.name, mix: "status=1", options: load.Options{Dialect: "meta"},
		plan: load.Plan{Webhooks: 2, Duration: time.Minute}, sink: "127.0.0.1:0", patience: time.Millisecond, drain: time.Minute,
	}
	var out, errOut bytes.Buffer
	env := map[string]string{benchSecret: r.secret}
	err := bench(t.Context(), flags, func(name string) string { return env[name] }, &out, &errOut)
	if err == nil || !strings.Contains(err.Error(), "was not told 2 updates that were acknowledged") {
		t.Errorf("%v\n%s", err, &out)
	}
}
