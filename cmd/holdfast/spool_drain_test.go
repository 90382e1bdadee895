package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// What an ingress could only put on disk is started from there by the command, and told.
func TestSpoolDrain(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	yaml := r.yaml(map[string]*listener{"crm": crm})
	cfg, err := parseTest(yaml)
	if err != nil {
		t.Fatal(err)
	}
	server := r.address
	r.address = nobody
	h := r.start(cfg, roles{ingress: true})
	for _, a := range []string{"1", "2", "3"} {
		if code := r.post(h, ban(a, time.Now())); code != http.StatusOK {
			t.Fatalf("status %d while Temporal is away", code)
		}
	}
	h.stop()
	if !strings.Contains(h.said.String(), "left in the spool") {
		t.Error("it does not say that something is left")
	}

	file := r.file(t, yaml)
	p := startProgram(t, "spool", "drain", "--config", file, "--address", server)
	<-p.exited
	if out := p.out.String(); p.ProcessState.ExitCode() != 0 || !strings.Contains(out, "3 webhooks started") {
		t.Errorf("it ends with %d and says %q", p.ProcessState.ExitCode(), out)
	}
	r.address = server
	r.start(r.config(map[string]*listener{"crm": crm}), roles{worker: true})
	eventually(t, "all are told", func() bool { return len(crm.told()) == 3 })
}
