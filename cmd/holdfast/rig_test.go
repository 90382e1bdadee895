package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"holdfast/internal/config"
	"holdfast/internal/provider"
	"holdfast/internal/webhook"
	"holdfast/workflows"
)

// A rig is Holdfast as it runs in production, on a real Temporal server and over real HTTP, in a test of its own: its
// task queue, its sources and its database are nobody else's.
type rig struct {
	t        testing.TB
	temporal client.Client
	address  string
	// Of the namespace; empty: the one that is shared.
	namespace string

	name     string // of the source, and of everything else that must be the test's own
	stateURL string
	horizon  time.Duration
	secret   string
	// Of what is owed, before it is asked whether its workflow runs; 0 means what it is outside of tests.
	orphanAge time.Duration
}

// A listener is a destination that remembers what it was told.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	events []told
	answer func(w http.ResponseWriter, r *http.Request) // nil: 204
	heard  func(told)                                   // called for what was answered 204, if it is set
}

type told struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Subject string `json:"subject"`
}

func newListener(t testing.TB) *listener {
	l := &listener{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e told
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			t.Errorf("told something that is not JSON: %v", err)
		}
		l.mu.Lock()
		answer := l.answer
		l.mu.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
		l.mu.Lock()
		l.events = append(l.events, e)
		l.mu.Unlock()
		if l.heard != nil {
			l.heard(e)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(func() {
		l.CloseClientConnections()
		l.Close()
	})
	return l
}

func (l *listener) answers(f func(w http.ResponseWriter, r *http.Request)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = f
}

func (l *listener) told() []told {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

func status(code int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func newRig(t testing.TB) *rig {
	c, address := temporalServer(t)
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	// Unique also when a test runs several times against the same server.
	name = fmt.Sprintf("%.40s-%x", name, time.Now().UnixNano())
	return &rig{
		t: t, temporal: c, address: address, name: name, secret: "secret-one",
		stateURL: "sqlite:" + filepath.Join(t.TempDir(), "state.db"), horizon: time.Hour,
	}
}

// config is the configuration of the rig: one Meta source, and a destination for each listener.
func (r *rig) config(destinations map[string]*listener) *config.Config {
	r.t.Helper()
	cfg, err := parseTest(r.yaml(destinations))
	if err != nil {
		r.t.Fatal(err)
	}
	for name, d := range cfg.Destinations {
		d.Retry.For = r.horizon // shorter than a file may say
		cfg.Destinations[name] = d
	}
	return cfg
}

func (r *rig) yaml(destinations map[string]*listener) string {
	var b strings.Builder
	fmt.Fprintf(&b, `
ingress: {listen: "127.0.0.1:0"}
spool: {dir: %q}
metrics: {listen: "127.0.0.1:0"}
temporal: {task_queue: %q}
state: {url: %q}
sources:
  %s: {provider: meta, app_secrets: [%q], verify_token: token}
`, filepath.Join(r.t.TempDir(), "spool"), r.name, r.stateURL, r.name, r.secret)
	if len(destinations) > 0 {
		b.WriteString("destinations:\n")
	}
	for name, l := range destinations {
		fmt.Fprintf(&b, "  %s: {url: %q, secret: %q, private: true, events: [\"*\"]}\n", name, l.URL, "whsec_"+newSigningKey())
	}
	return b.String()
}

// A running house can be stopped, and says where it is.
type running struct {
	*house
	ingress, metrics, codec string
	said                    *tail // warnings and errors
	stop                    func()
	ready                   chan addresses
	done                    chan error
}

// start runs rooms of the house in this process until the test ends, or stop is called.
func (r *rig) start(cfg *config.Config, rooms roles) *running {
	r.t.Helper()
	h := r.launch(cfg, rooms)
	h.awaitReady(r.t)
	return h
}

func (h *running) awaitReady(t testing.TB) {
	t.Helper()
	select {
	case a := <-h.ready:
		h.ingress, h.metrics, h.codec = "http://"+a.ingress, "http://"+a.metrics, "http://"+a.codec
	case err := <-h.done:
		h.done <- err
		t.Fatalf("house did not start: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("house did not start in time")
	}
}

// launch is start for a house that cannot work yet, and listens at addresses that its configuration tells.
func (r *rig) launch(cfg *config.Config, rooms roles) *running {
	r.t.Helper()
	said := &tail{}
	log := slog.New(slog.NewTextHandler(io.MultiWriter(said, testWriter{r.t}), &slog.HandlerOptions{Level: slog.LevelWarn}))
	h, err := build(cfg, temporalFlags{address: r.address, namespace: r.namespace, isolated: true}, log)
	if err != nil {
		r.t.Fatal(err)
	}
	h.orphanAge = cmp.Or(r.orphanAge, h.orphanAge)
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan addresses, 1), make(chan error, 1)
	go func() {
		done <- h.serve(ctx, rooms, func() (*config.Config, error) { return cfg, nil }, func(a addresses) { ready <- a })
	}()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				r.t.Errorf("house ended with: %v", err)
			}
			h.close()
		})
	}
	r.t.Cleanup(stop)
	return &running{
		house: h, ingress: "http://" + cfg.Ingress.Listen, metrics: "http://" + cfg.Metrics.Listen,
		said: said, stop: stop, ready: ready, done: done,
	}
}

// testWriter sends logs to the test.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}

// ban is the webhook of a banned account, as Meta sends it.
func ban(account string, at time.Time) []byte {
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":%q,"time":%d,"changes":[{"field":"account_update",`+
		`"value":{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE","waba_ban_date":"October 22, 2025"}}}]}]}`, account, at.Unix())
}

// post signs and posts a webhook and returns the status of the answer.
func (r *rig) post(h *running, body []byte) int {
	r.t.Helper()
	signer := h.config.Sources[r.name].Provider.(provider.Signer)
	return r.postWith(h, signer.Sign(body, time.Now()), body)
}

func (r *rig) postWith(h *running, headers http.Header, body []byte) int {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodPost, h.ingress+"/webhooks/"+r.name, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header = headers.Clone()
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode
}

// workflow is the id of the workflow that a body is processed by.
func (r *rig) workflow(body []byte) string {
	return workflows.ID([]webhook.Webhook{{Source: r.name, ID: webhook.ID(r.name, body)}})
}

// eventually waits until something is true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.After(45 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-deadline:
			t.Fatalf("not in time: %s", what)
		case <-tick.C:
		}
	}
}

// stage is what the search attribute says of the latest run of a workflow; empty if there is none.
func (r *rig) stage(body []byte) string {
	r.t.Helper()
	d, err := r.temporal.DescribeWorkflowExecution(context.Background(), r.workflow(body), "")
	if err != nil {
		return ""
	}
	var stage string
	field := d.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()["HoldfastStage"]
	_ = json.Unmarshal(field.GetData(), &stage) // absent is empty
	return stage
}

func (r *rig) closed(body []byte) bool {
	d, err := r.temporal.DescribeWorkflowExecution(context.Background(), r.workflow(body), "")
	return err == nil && d.GetWorkflowExecutionInfo().GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING
}

// facts is what is known of an account, by aspect.
func (h *running) facts(t testing.TB, account string) map[string]string {
	t.Helper()
	facts, err := h.store.Load().Facts(context.Background(), webhook.AccountEntity(account), 100)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range facts {
		out[f.Aspect] = string(f.Value)
	}
	return out
}

func parseTest(yaml string) (*config.Config, error) {
	return config.Parse("test.yaml", []byte(yaml), known(), os.LookupEnv)
}
