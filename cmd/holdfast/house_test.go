package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/state/statetest"
	"holdfast/internal/temporal"
	"holdfast/internal/webhook"
	"holdfast/workflows"
)

// nobody is an address at which nobody listens.
const nobody = "127.0.0.1:1"

// fixed gives the listeners of a configuration ports that are known before they are open.
func fixed(t *testing.T, cfg *config.Config) *config.Config {
	t.Helper()
	for _, listen := range []*string{&cfg.Ingress.Listen, &cfg.Metrics.Listen} {
		var err error
		if *listen, err = settle(*listen); err != nil {
			t.Fatal(err)
		}
	}
	return cfg
}

// get returns the status and the body of an answer; 0 if there is none.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// A database that is away keeps no webhook out: it is accepted, and told when the database is there.
func TestDoorIsOpenWithoutTheDatabase(t *testing.T) {
	r := newRig(t)
	address, database, _ := strings.Cut(strings.TrimPrefix(statetest.Postgres(t), "postgres://holdfast@"), "/")
	front, err := settle("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.stateURL = "postgres://holdfast@" + front + "/" + database
	crm := newListener(t)
	h := r.launch(fixed(t, r.config(map[string]*listener{"crm": crm})), both)
	eventually(t, "it says what it waits for", func() bool {
		return strings.Contains(h.said.String(), "for=\"the database\"") && strings.Contains(h.said.String(), "accepting_webhooks=true")
	})
	if code := r.post(h, ban(account, time.Now())); code != http.StatusOK {
		t.Errorf("status %d while the database is away", code)
	}
	forward(t, front, address)
	h.awaitReady(t)
	eventually(t, "it is told", func() bool { return len(crm.told()) == 1 })
}

// forward makes what is sent to one address arrive at another, until the test ends.
func forward(t *testing.T, from, to string) {
	t.Helper()
	l, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				go func() {
					_, _ = io.Copy(way[0], way[1]) // until one of them has enough
					way[0].Close()
					way[1].Close()
				}()
			}
		}
	}()
}

// While nobody has set up the namespace, webhooks are accepted and kept on disk; it says what is to be done.
func TestNamespaceIsSetUpLater(t *testing.T) {
	r := newRig(t)
	r.namespace = r.name
	crm := newListener(t)
	h := r.launch(fixed(t, r.config(map[string]*listener{"crm": crm})), both)
	remedy := "run 'holdfast setup --yes --address " + r.address + " --namespace " + r.namespace + "'"
	eventually(t, "the log says what to do", func() bool { return strings.Contains(h.said.String(), remedy) })
	if code, body := get(t, h.metrics+"/readyz"); code != http.StatusOK || !strings.Contains(body, "holdfast setup --yes") {
		t.Errorf("readiness: %d, %s", code, body)
	}
	if code := r.post(h, ban(account, time.Now())); code != http.StatusOK {
		t.Errorf("status %d while the namespace is not set up", code)
	}
	if code, _ := get(t, h.ingress+"/healthz"); code != http.StatusOK {
		t.Errorf("health: %d", code)
	}
	plan, err := temporal.Check(t.Context(), r.temporal, r.namespace, workflows.SearchAttributes())
	if err == nil {
		err = temporal.Apply(t.Context(), r.temporal, plan)
	}
	if err != nil {
		t.Fatal(err)
	}
	h.awaitReady(t)
	eventually(t, "what was accepted before is told", func() bool { return len(crm.told()) > 0 })
}

func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := &tail{}
		h := &house{log: slog.New(slog.NewTextHandler(said, nil))}
		began := time.Now()
		err := h.await(t.Context(), "it", func(context.Context) (bool, error) {
			switch since := time.Since(began); {
			case since < 10*time.Second:
				return true, errors.New("refused")
			case since < 150*time.Second:
				return true, errors.New("starting")
			}
			return false, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		// When it begins; when it changes, after 10 s; and 60 and 120 s after that.
		if refused, starting := strings.Count(said.String(), "refused"), strings.Count(said.String(), "starting"); refused != 1 || starting != 3 {
			t.Errorf("said %d and %d times:\n%s", refused, starting, said)
		}
		want := errors.New("for good")
		if err := h.await(t.Context(), "it", func(context.Context) (bool, error) { return false, want }); !errors.Is(err, want) {
			t.Errorf("an error that does not pass: %v", err)
		}
	})
}

// Whoever waits can be told to end, and that is no failure.
func TestEndsWhileItWaits(t *testing.T) {
	for name, waits := range map[string]func(r *rig){
		"database": func(r *rig) { r.stateURL = "postgres://u@" + nobody + "/none" },
		"temporal": func(r *rig) { r.address = nobody },
	} {
		for _, command := range []string{"serve", "worker"} {
			t.Run(name+"/"+command, func(t *testing.T) {
				r := newRig(t)
				waits(r)
				p := startProgram(t, command, "--config", r.file(t, r.yaml(nil)), "--address", r.address)
				p.awaitText(`"Waiting"`).ends(syscall.SIGTERM)
			})
		}
	}
}

// A worker that waits for the database is not ready, and says so.
func TestReadinessWithoutTheDatabase(t *testing.T) {
	r := newRig(t)
	r.stateURL = "postgres://u@" + nobody + "/none"
	h := r.launch(fixed(t, r.config(nil)), roles{worker: true})
	eventually(t, "it says what is missing", func() bool {
		code, body := get(t, h.metrics+"/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(body, `"state":"the database is not open yet`) && !strings.Contains(body, `"temporal"`)
	})
}

func (r *rig) file(t *testing.T, yaml string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "holdfast.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What waiting does not mend ends the process at once.
func TestBadDatabaseEndsServe(t *testing.T) {
	r := newRig(t)
	r.stateURL = "sqlite:" + filepath.Join(t.TempDir(), "no", "state.db")
	if said := startProgram(t, "serve", "--config", r.file(t, r.yaml(nil)), "--address", r.address).fails(); !strings.Contains(said, "does not exist") {
		t.Errorf("said: %s", said)
	}
}

// A reload that fails at its last step has changed nothing.
func TestReloadIsAllOrNothing(t *testing.T) {
	r := newRig(t)
	crm, other := newListener(t), newListener(t)
	h := r.start(r.config(map[string]*listener{"crm": crm}), both)
	// The bodies of its source would never fit into what the running ingress may hold.
	yaml := strings.NewReplacer(
		`ingress: {`, `ingress: {max_in_flight: 256MiB, `, `verify_token: token}`, `verify_token: token, max_body: 64MiB}`+
			"\n  later: {provider: meta, app_secrets: [other]}").Replace(r.yaml(map[string]*listener{"other": other}))
	cfg, err := parseTest(yaml)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.reload(cfg); err == nil {
		t.Fatal("it was reloaded")
	}
	_, old := h.told.Policy("crm")
	_, newer := h.told.Policy("other")
	if !old || newer {
		t.Error("the destinations were exchanged")
	}
	if h.dialect("later") != nil {
		t.Error("the sources were exchanged")
	}
	if code := r.post(h, ban(account, time.Now())); code != http.StatusOK {
		t.Errorf("status %d", code)
	}
	eventually(t, "it is told", func() bool { return len(crm.told()) == 1 })
}

// What is known of accounts, and where the Temporal UI is, can be reloaded.
func TestReloadAccounts(t *testing.T) {
	r := newRig(t)
	yaml := r.yaml(nil) + `
destinations:
  team: {url: "https://example.com", secret: "whsec_` + newSigningKey() + `", events: ["*"], labels: {team: payments}}
accounts:
  "1": {labels: {team: payments}}
`
	first, err := parseTest(yaml)
	if err != nil {
		t.Fatal(err)
	}
	h := r.start(first, both)
	routed := func(account string) int {
		return len(h.told.Route(webhook.Event{Type: webhook.AccountBanned, Account: account}))
	}
	if routed("1") != 1 || routed("2") != 0 || h.link("wh/a") != "" {
		t.Errorf("told %d and %d, link %q", routed("1"), routed("2"), h.link("wh/a"))
	}
	second, err := parseTest(strings.NewReplacer(`"1": {`, `"2": {`).Replace(yaml))
	if err != nil {
		t.Fatal(err)
	}
	second.Temporal.UI = "https://temporal.example.com/"
	if names := h.restartFor(second); names != nil {
		t.Errorf("takes a restart for %v", names)
	}
	if err := h.reload(second); err != nil {
		t.Fatal(err)
	}
	if link := h.link("wh/a b"); routed("1") != 0 || routed("2") != 1 || link != "https://temporal.example.com/namespaces/default/workflows/wh%2Fa%20b" {
		t.Errorf("told %d and %d, link %q", routed("1"), routed("2"), link)
	}
}

// What a reload cannot change is named, and nothing else.
func TestReloadNamesWhatTakesARestart(t *testing.T) {
	r := newRig(t)
	original := r.yaml(nil)
	file := r.file(t, original)
	p := startProgram(t, "serve", "--config", file, "--address", r.address).awaitText(`"Serving"`)
	changed := strings.NewReplacer(`ingress: {`, `ingress: {starts: 3, max_body: 1MiB, `, r.secret, "another").Replace(original) + "dedupe: 250h\n"
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.awaitText(`"settings":["ingress","dedupe"]`).ends(syscall.SIGTERM)

	before := r.config(nil)
	after := new(*before)
	after.Ingress.MaxBody++
	if names := (&house{config: before}).restartFor(after); names != nil {
		t.Errorf("the limit of the sources is reloaded, and takes a restart for %v", names)
	}
}

// Who connects and says nothing keeps no more connections than the configuration allows, and others wait for theirs.
func TestConnectionsAreBounded(t *testing.T) {
	r := newRig(t)
	cfg := r.config(nil)
	cfg.Ingress.MaxConnections, cfg.Ingress.HeaderTimeout = 16, time.Minute
	h := r.start(cfg, roles{ingress: true})
	var silent []net.Conn
	for range 16 {
		c, err := net.Dial("tcp", strings.TrimPrefix(h.ingress, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		silent = append(silent, c)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	if resp, err := client.Get(h.ingress + "/healthz"); err == nil {
		resp.Body.Close()
		t.Fatal("one more than allowed was answered")
	}
	silent[0].Close()
	eventually(t, "there is room again", func() bool {
		resp, err := client.Get(h.ingress + "/healthz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}
