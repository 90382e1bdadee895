package chaos

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

const (
	// patience bounds whatever a world is waited for. What is retried is retried every five minutes at the latest.
	patience = 8 * time.Minute
	// enough is how many workflows are listed at once.
	enough = 1000
)

// A world is Holdfast in processes of its own with everything around it, in which one thing goes wrong.
type world struct {
	*site
	t    *testing.T
	dir  string
	host string // where everything listens

	pgTemporal, pgState *postgres
	temporal            *process
	client              client.Client // of Temporal
	rooms               []*room       // two ingresses, two workers
	sinks               []*sink
	provider            *provider

	mu      sync.Mutex
	crashes []crash
}

// A room is a process of Holdfast.
type room struct {
	*process
	host          string
	port, metrics int
	config        string // file
	spool         string // directory, of an ingress
}

// A crash is the time in which something was broken, so that who had told an event may not have been able to note it.
type crash struct {
	what        string
	from, until time.Time
}

// options say what is special about a world.
type options struct {
	host string                     // where everything listens; default: loopback
	room func(name string, r *room) // changes a room before it is started
}

// world makes one that has not begun.
func (s *site) world(t *testing.T, o *options) *world {
	t.Helper()
	dir, err := os.MkdirTemp(s.dir, "world-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if o == nil {
		o = &options{}
	}
	w := &world{site: s, t: t, dir: dir, host: loopback}
	if o.host != "" {
		w.host = o.host
	}
	copyFiles(t, s.templateOf("temporal"), filepath.Join(dir, "temporal"))
	copyFiles(t, s.templateOf("state"), filepath.Join(dir, "state"))
	w.databases(filepath.Join(dir, "temporal"), filepath.Join(dir, "state"))
	w.openTemporal()
	w.sinks = []*sink{
		newSink(t, "crm", w.at(portSinks), "account.*", "contact.*"),
		newSink(t, "all", w.at(portSinks+1), "*"),
	}
	for i, name := range []string{"ingress-1", "ingress-2", "worker-1", "worker-2"} {
		r := &room{
			host: w.host, port: s.ports[portIngress+i%2], metrics: s.ports[portMetrics+i],
			config: filepath.Join(dir, name+".yaml"), spool: filepath.Join(dir, name+".spool"),
		}
		command, _, _ := strings.Cut(name, "-")
		r.process = newProcess(t, dir, name, s.holdfast, command, "--config", r.config, "--address", w.at(portTemporal), "--log-level", "warn")
		if o.room != nil {
			o.room(name, r)
		}
		w.configure(r)
		w.rooms = append(w.rooms, r)
	}
	return w
}

// at is the address of a port of the site.
func (w *world) at(port int) string { return net.JoinHostPort(w.host, strconv.Itoa(w.ports[port])) }

func (w *world) databases(temporal, state string) {
	w.pgTemporal = newPostgres(w.t, w.dir, "postgres-temporal", temporal, w.at(portTemporalDB))
	w.pgState = newPostgres(w.t, w.dir, "postgres-state", state, w.at(portStateDB))
}

func (w *world) openTemporal() {
	w.temporal = newProcess(w.t, w.dir, "temporal", w.devserver, "server", "start-dev", "--headless",
		"--ip", w.host, "--port", strconv.Itoa(w.ports[portTemporal]), "--postgres", w.pgTemporal.url("temporal"))
	w.client = dial(w.t, w.at(portTemporal))
}

// configure writes the configuration of a process.
func (w *world) configure(r *room) {
	w.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, `ingress: {listen: "%s:%d"}
metrics: {listen: "%s:%d"}
spool: {dir: %q}
state: {url: %q}
sources:
  chaos: {provider: meta, app_secrets: [%q], verify_token: token}
`, r.host, r.port, r.host, r.metrics, r.spool, w.pgState.url("holdfast"), secret)
	if len(w.sinks) > 0 {
		b.WriteString("destinations:\n")
	}
	for _, s := range w.sinks {
		fmt.Fprintf(&b, "  %s: {url: \"http://%s/\", secret: %q, private: true, events: [%s]}\n", s.name, s.address, s.secret, quoted(s.events))
	}
	if err := os.WriteFile(r.config, []byte(b.String()), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strconv.Quote(s)
	}
	return strings.Join(out, ", ")
}

// open starts everything, and a provider who does not send yet.
func (w *world) open(s *script, rate float64) {
	w.t.Helper()
	w.pgTemporal.up()
	w.pgState.up()
	w.temporalUp()
	for _, r := range w.rooms {
		w.roomUp(r)
	}
	var urls []string
	for _, r := range w.rooms[:2] {
		urls = append(urls, fmt.Sprintf("http://%s:%d/webhooks/chaos", r.host, r.port))
	}
	w.provider = newProvider(w.t, s, rate, urls)
}

// close asks everybody to end, and is not content with less than that all do.
func (w *world) close() {
	w.t.Helper()
	for _, r := range w.rooms {
		r.stop()
	}
	w.temporal.stop()
	w.pgTemporal.stop()
	w.pgState.stop()
}

// temporalUp starts Temporal and returns when it serves.
func (w *world) temporalUp() {
	w.t.Helper()
	w.temporal.start()
	eventually(w.t, 2*time.Minute, "Temporal serves", func() bool {
		if !w.temporal.running() {
			w.temporal.start() // its database may still think that the one that was killed is there
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := w.client.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: "default"})
		return err == nil
	})
}

// roomUp starts a process of Holdfast and returns when it is ready.
func (w *world) roomUp(r *room) {
	w.t.Helper()
	r.start()
	url := fmt.Sprintf("http://%s:%d/readyz", r.host, r.metrics)
	eventually(w.t, time.Minute, r.name+" is ready", func() bool {
		if !r.running() {
			w.t.Fatalf("%s has ended: %v", r.name, r.cmd.ProcessState)
		}
		status, _, err := get(url)
		return err == nil && status == http.StatusOK
	})
}

// get asks a process of Holdfast, without any proxy, whatever the environment says.
func get(url string) (status int, body string, err error) {
	prober := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := prober.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// spooled is how many webhooks wait on the disks of the ingresses, those that were set aside among them. An ingress that
// does not say counts as one.
func (w *world) spooled() int {
	sum := 0
	for _, r := range w.rooms[:2] {
		_, text, err := get(fmt.Sprintf("http://%s:%d/metrics", r.host, r.metrics))
		said := false
		for line := range strings.Lines(text) {
			if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(name, "holdfast_spool_entries{") {
				n, _ := strconv.Atoi(value) // of entries there are few enough
				sum, said = sum+n, true
			}
		}
		if err != nil || !said {
			sum++
		}
	}
	return sum
}

func (w *world) ingress(i int) *room { return w.rooms[i] }
func (w *world) worker(i int) *room  { return w.rooms[2+i] }

func (w *world) sink(name string) *sink {
	for _, s := range w.sinks {
		if s.name == name {
			return s
		}
	}
	w.t.Fatalf("no sink %s", name)
	return nil
}

// broken notes that something is broken from now on, until the function it returns is called.
func (w *world) broken(what string) (mended func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := len(w.crashes)
	w.crashes = append(w.crashes, crash{what: what, from: time.Now()})
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.crashes[i].until = time.Now()
	}
}

// pass lets time pass: for that long, the fault lasts.
func (w *world) pass(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.t.Context().Done():
	}
}

// settle waits until everything is acknowledged, told and done with, and returns what has become of it.
func (w *world) settle() *run {
	w.t.Helper()
	began := time.Now()
	var r *run
	if why := inTime(w.t.Context(), patience, func() string {
		if n := w.provider.waiting(); n > 0 {
			return fmt.Sprintf("%d webhooks are not acknowledged", n)
		}
		if n := w.spooled(); n > 0 {
			return fmt.Sprintf("%d webhooks are in spools", n)
		}
		if open := w.openWorkflows(); open != "" {
			return open
		}
		r = w.look()
		if len(r.owed) > 0 {
			return fmt.Sprintf("%d notifications are owed: %v", len(r.owed), r.owed[:min(len(r.owed), 5)])
		}
		return ""
	}); why != "" {
		w.t.Errorf("after %v: %s", time.Since(began).Round(time.Second), why)
		r = w.look()
	}
	return r
}

// openWorkflows says which webhooks are not done with; empty if all are.
func (w *world) openWorkflows() string {
	ids, err := w.running(context.Background(), ` AND WorkflowType = "ProcessWebhooks"`)
	switch {
	case err != nil:
		return fmt.Sprintf("list workflows: %v", err)
	case len(ids) > 0:
		return fmt.Sprintf("%d workflows are open: %v", len(ids), ids[:min(len(ids), 5)])
	}
	return ""
}

// running lists the ids of workflows that are open, and of which something else is true as well.
func (w *world) running(ctx context.Context, and string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	list, err := w.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: enough, Query: `ExecutionStatus = "Running"` + and,
	})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range list.GetExecutions() {
		ids = append(ids, e.GetExecution().GetWorkflowId())
	}
	return ids, nil
}
